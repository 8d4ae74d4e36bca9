package mongostore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// activeSessions is a database with sessions that only have a time of activity, and nodes on it.
type activeSessions struct {
	sessions *mongo.Collection
	open     func(tb testing.TB) *mongostore.Store // with timeout
	timeout  time.Duration
	ids      []domain.SessionID
}

func newActiveSessions(tb testing.TB, server *mongod.Server, count int) *activeSessions {
	tb.Helper()
	name := server.NewDatabase(tb)
	x := &activeSessions{sessions: server.Client(tb).Database(name).Collection("sessions"), timeout: patience}
	x.open = func(tb testing.TB) *mongostore.Store {
		tb.Helper()
		s, err := mongostore.Open(tb.Context(), mongostore.Config{
			URI: server.URI(), Database: name, Clock: newClock(), NoTTL: true, Timeout: x.timeout,
		})
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	if err := x.open(tb).Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	var docs []any
	for i := range count {
		id := domain.SessionID(fmt.Sprintf("sess_%026d", i))
		x.ids = append(x.ids, id)
		docs = append(docs, bson.D{
			{Key: "_id", Value: id},
			{Key: "v", Value: int64(1)},
			{Key: "active", Value: int64(0)},
			{Key: "doc", Value: bson.D{{Key: "userid", Value: "usr_1"}}},
		})
	}
	if _, err := x.sessions.InsertMany(tb.Context(), docs); err != nil {
		tb.Fatal(err)
	}
	return x
}

func (x *activeSessions) touch(tb testing.TB, s *mongostore.Store, at time.Time) {
	tb.Helper()
	for _, id := range x.ids {
		if err := s.View().Touch(tb.Context(), id, at); err != nil {
			tb.Fatal(err)
		}
	}
}

// stored returns the number of sessions with this time of activity in the database.
func (x *activeSessions) stored(tb testing.TB, at time.Time) int {
	tb.Helper()
	n, err := x.sessions.CountDocuments(tb.Context(), bson.D{{Key: "active", Value: at.UnixNano()}})
	if err != nil {
		tb.Fatal(err)
	}
	return int(n)
}

func TestCloseWritesActivity(t *testing.T) {
	t.Parallel()
	x := newActiveSessions(t, mongod.Shared(t), 2500)
	s := x.open(t)
	at := newClock().Now()
	x.touch(t, s, at)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := x.stored(t, at); n != len(x.ids) {
		t.Errorf("%d times of activity are stored, want %d", n, len(x.ids))
	}
}

// TestRefusedNoteDoesNotStopOthers: the server refuses to set the activity of a session whose document is damaged.
func TestRefusedNoteDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	x := newActiveSessions(t, mongod.Shared(t), 50)
	s := x.open(t)
	at := newClock().Now()
	err := x.sessions.Database().RunCommand(t.Context(), bson.D{
		{Key: "collMod", Value: "sessions"},
		{Key: "validator", Value: bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "_id", Value: bson.D{{Key: "$ne", Value: x.ids[7]}}}}, bson.D{{Key: "active", Value: 0}},
		}}}},
	}).Err()
	if err != nil {
		t.Fatal(err)
	}
	x.touch(t, s, at)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := x.stored(t, at); n != len(x.ids)-1 {
		t.Errorf("%d times of activity are stored, want all but the refused one of %d", n, len(x.ids))
	}
}

// BenchmarkActivity measures one second of 100,000 active sessions over four nodes: of the same sessions, whose notes
// are written every 15 seconds as in the service, and of sessions of which each is written, which shows the limit of
// the server.
func BenchmarkActivity(b *testing.B) {
	const nodes, seconds = 4, 15
	for name, flushEvery := range map[string]int{"of the same sessions": seconds, "each written at once": 1} {
		b.Run(name, func(b *testing.B) {
			x := newActiveSessions(b, mongod.Shared(b), 100_000)
			var stores []*mongostore.Store
			for range nodes {
				stores = append(stores, x.open(b))
			}
			at, most, second := newClock().Now(), 0, 0
			for b.Loop() {
				second++
				at = at.Add(time.Second)
				for i, id := range x.ids {
					_ = stores[i%nodes].View().Touch(b.Context(), id, at) // never fails
				}
				if second%flushEvery == 0 {
					most = max(most, flushAll(b, stores))
				}
			}
			b.ReportMetric(float64(most), "notes-held")
			b.ReportMetric(float64(second/flushEvery*len(x.ids))/b.Elapsed().Seconds(), "writes/s")
			for _, s := range stores {
				if err := s.Close(b.Context()); err != nil {
					b.Error(err)
				}
			}
			if n := x.stored(b, at); n != len(x.ids) {
				b.Errorf("%d times of activity are stored, want %d", n, len(x.ids))
			}
		})
	}
}

// flushAll flushes on all nodes at once and returns the largest number of notes that one of them holds.
func flushAll(b *testing.B, stores []*mongostore.Store) int {
	b.Helper()
	var flushing sync.WaitGroup
	for _, s := range stores {
		flushing.Go(func() {
			if err := s.FlushActivity(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
	flushing.Wait()
	most := 0
	for _, s := range stores {
		held, dropped := s.HeldActivity()
		if most = max(most, held); dropped > 0 {
			b.Errorf("%d notes were dropped", dropped)
		}
	}
	return most
}

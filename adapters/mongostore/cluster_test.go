package mongostore_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// readCounter counts the reads of a store.
type readCounter struct {
	reads, nodes atomic.Int64 // of entities; commands on the log of the nodes
}

func (c *readCounter) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		name, _ := e.Command.Index(0).Value().StringValueOK()
		switch {
		case e.CommandName == "aggregate", e.CommandName == "find" && name != "nodes":
			c.reads.Add(1)
		case name == "nodes":
			c.nodes.Add(1)
		}
	}}
}

// onEveryKind runs the test on one server and on a replica set.
func onEveryKind(t *testing.T, test func(t *testing.T, open func(...func(*mongostore.Config)) *mongostore.Store)) {
	t.Helper()
	for kind, start := range mongod.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			name := server.Database(t)
			test(t, func(change ...func(*mongostore.Config)) *mongostore.Store {
				config := mongostore.Config{
					URI: server.URI(), Database: name, Clock: newClock(), NoTTL: true, Lease: mongostore.LeaseFor,
					Timeout: patience,
				}
				for _, c := range change {
					c(&config)
				}
				return openConfig(t, config)
			})
		})
	}
}

func openConfig(t *testing.T, config mongostore.Config) *mongostore.Store {
	t.Helper()
	s, err := mongostore.Open(t.Context(), config)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	return s
}

// warm looks the session up until the lookup is answered from memory.
func warm(t *testing.T, s *mongostore.Store, c *readCounter, id domain.SessionID) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		before := c.reads.Load()
		if _, err := s.View().Lookup(t.Context(), id); err != nil {
			t.Fatalf("Lookup = %v", err)
		}
		if c.reads.Load() == before {
			return
		}
	}
	t.Fatal("the session was not cached within a minute")
}

func newUser(t *testing.T, s *mongostore.Store, i int) (domain.UserID, domain.SessionID) {
	t.Helper()
	u := ada()
	u.ID, u.Identifier = domain.UserID(fmt.Sprintf("usr_%d", i)), fmt.Sprintf("%08d", i)
	u.Username, u.UsernameKey, u.Email, u.EmailKey = "", "", "", ""
	x := session(domain.SessionID(fmt.Sprintf("sess_%d", i)))
	x.UserID = u.ID
	u.Sessions = []domain.SessionRef{{ID: x.ID, ExpiresAt: x.ExpiresAt}}
	if err := s.Users().Create(t.Context(), u, domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Sessions().Create(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	return u.ID, x.ID
}

func endSessions(ctx context.Context, s *mongostore.Store, id domain.UserID) error {
	_, err := s.Users().Update(ctx, id, func(u *domain.User, _ *domain.Outbox) error {
		u.Sessions = nil
		return nil
	})
	return err
}

func TestWarmVerifyIsAnsweredFromMemory(t *testing.T) {
	t.Parallel()
	onEveryKind(t, func(t *testing.T, open func(...func(*mongostore.Config)) *mongostore.Store) {
		t.Helper()
		var seen readCounter
		s := open(func(c *mongostore.Config) { c.Monitor = seen.monitor() })
		_, id := newUser(t, s, 1)
		warm(t, s, &seen, id)
		before := seen.reads.Load()
		for range 1000 {
			if _, err := s.View().Lookup(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if sent := seen.reads.Load() - before; sent > 100 { // a busy machine may let a lease end
			t.Errorf("%d of 1000 warm lookups sent a command", sent)
		}
	})
}

// TestRevocationIsFinalOnWarmNodes ends sessions that another node has in memory.
func TestRevocationIsFinalOnWarmNodes(t *testing.T) {
	t.Parallel()
	onEveryKind(t, func(t *testing.T, open func(...func(*mongostore.Config)) *mongostore.Store) {
		t.Helper()
		var seen readCounter
		here, there := open(), open(func(c *mongostore.Config) { c.Monitor = seen.monitor() })
		for i := range 30 {
			user, id := newUser(t, here, i)
			warm(t, there, &seen, id)
			if err := endSessions(t.Context(), here, user); err != nil {
				t.Fatal(err)
			}
			if _, err := there.View().Lookup(t.Context(), id); !errors.Is(err, domain.ErrSessionNotFound) {
				t.Fatalf("Lookup of session %d on the other node, after the revoke was answered = %v", i, err)
			}
		}
	})
}

// TestChangeWaitsForTheLeaseOfANodeThatIsCutOff cuts a node off that has a session in memory.
func TestChangeWaitsForTheLeaseOfANodeThatIsCutOff(t *testing.T) {
	t.Parallel()
	server := mongod.Start(t)
	name := server.Database(t)
	config := mongostore.Config{
		URI: server.URI(), Database: name, Clock: newClock(), NoTTL: true, Lease: mongostore.LeaseFor,
		Timeout: patience,
	}
	here := openConfig(t, config)
	proxy := faultproxy.New(t, server.Primary(t).Address)
	var seen readCounter
	config.URI, config.Monitor = "mongodb://127.0.0.1:"+proxy.Port()+"/?directConnection=true", seen.monitor()
	apart := openConfig(t, config)
	user, id := newUser(t, here, 1)
	warm(t, apart, &seen, id)
	proxy.Silent.Store(true)
	began := time.Now()
	if err := endSessions(t.Context(), here, user); err != nil {
		t.Fatalf("the change with a node cut off = %v", err)
	}
	t.Logf("the change took %v", time.Since(began))
	ctx, cancel := context.WithTimeout(t.Context(), mongostore.LeaseFor)
	defer cancel()
	if _, err := apart.View().Lookup(ctx, id); !errors.Is(err, fault.ErrStorage) {
		t.Errorf("Lookup on the node that is cut off, after the revoke was answered = %v, want fault.ErrStorage", err)
	}
	proxy.Heal()
	proxy.Cut()
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := apart.View().Lookup(t.Context(), id)
		if errors.Is(err, domain.ErrSessionNotFound) {
			return
		}
		if err == nil || time.Now().After(deadline) {
			t.Fatalf("Lookup after the repair = %v, want domain.ErrSessionNotFound", err)
		}
	}
}

// older makes a database look like one that an earlier version has written.
func older(t *testing.T, db *mongo.Database) {
	t.Helper()
	for name, update := range map[string]bson.D{
		"meta":  {{Key: "$inc", Value: bson.D{{Key: "version", Value: -1000}}}},
		"nodes": {{Key: "$unset", Value: bson.D{{Key: "cached", Value: ""}}}},
	} {
		id := map[string]string{"meta": "schema", "nodes": "log"}[name]
		if _, err := db.Collection(name).UpdateOne(t.Context(), bson.D{{Key: "_id", Value: id}}, update); err != nil {
			t.Fatal(err)
		}
	}
}

// olderRevoke ends the sessions as an earlier version does: in one write, without an invalidation.
func olderRevoke(t *testing.T, db *mongo.Database, id domain.UserID) {
	t.Helper()
	_, err := db.Collection("users").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: id}}, bson.D{
		{Key: "$set", Value: bson.D{{Key: "doc.sessions", Value: bson.A{}}}},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: 1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestUpgradedDatabaseIsCachedOnlyAfterTheSwitch revokes as an older node does and verifies on a newer one, before the
// switch and after it.
func TestUpgradedDatabaseIsCachedOnlyAfterTheSwitch(t *testing.T) {
	t.Parallel()
	const olderSteps = 4 // the highest version of the schema that versions without the cache accept
	server := mongod.Shared(t)
	config := mongostore.Config{
		URI: server.URI(), Database: server.Database(t), Clock: newClock(), NoTTL: true, Lease: mongostore.LeaseFor,
		Timeout: patience,
	}
	db := server.Client(t).Database(config.Database)
	if err := openConfig(t, config).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	older(t, db)
	var seen readCounter
	config.Monitor = seen.monitor()
	s := openConfig(t, config)
	user, id := newUser(t, s, 1)
	for range 100 {
		if _, err := s.View().Lookup(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if reads := seen.reads.Load(); reads < 100 {
		t.Errorf("100 lookups before the switch sent %d reads: some were answered from memory", reads)
	}
	olderRevoke(t, db, user)
	if _, err := s.View().Lookup(t.Context(), id); !errors.Is(err, domain.ErrSessionNotFound) {
		t.Errorf("Lookup after an older node revoked, before the switch = %v", err)
	}
	for _, want := range []bool{true, false} {
		if changed, err := s.EnableCache(t.Context(), outbox(entry("switch", domain.ActionSettingsChange))); changed != want {
			t.Errorf("EnableCache = %t, %v; want %t", changed, err, want)
		}
	}
	var schema struct {
		Version int `bson:"version"`
	}
	found := db.Collection("meta").FindOne(t.Context(), bson.D{{Key: "_id", Value: "schema"}})
	if err := found.Decode(&schema); err != nil {
		t.Fatal(err)
	}
	if schema.Version <= olderSteps {
		t.Errorf("the schema has version %d after the switch, which an older node accepts", schema.Version)
	}
	user, id = newUser(t, s, 2)
	warm(t, s, &seen, id)
	olderRevoke(t, db, user) // an older node that is still running: the reason for the switch
	if _, err := s.View().Lookup(t.Context(), id); err != nil {
		t.Logf("the lookup was not answered from memory: %v", err)
	}
	if n, err := db.Collection("audit").CountDocuments(t.Context(), bson.D{{Key: "_id", Value: "log_switch"}}); n != 1 {
		t.Errorf("the audit log has %d entries of the switch, %v", n, err)
	}
}

// TestUnfinishedRevocationIsFinishedByTheNextAnswer leaves a revocation as a node does that crashes after the write: a
// call that finds nothing to change must not confirm it before the other nodes have applied it.
func TestUnfinishedRevocationIsFinishedByTheNextAnswer(t *testing.T) {
	t.Parallel()
	for name, finish := range map[string]func(context.Context, *mongostore.Store, domain.UserID) error{
		"by a call that changes nothing": func(ctx context.Context, s *mongostore.Store, id domain.UserID) error {
			_, err := s.Users().Update(ctx, id, func(*domain.User, *domain.Outbox) error { return domain.ErrUnchanged })
			return err
		},
		"by a call that is refused": func(ctx context.Context, s *mongostore.Store, id domain.UserID) error {
			_, err := s.Users().Update(ctx, id, func(*domain.User, *domain.Outbox) error { return domain.ErrSessionNotFound })
			if errors.Is(err, domain.ErrSessionNotFound) {
				return nil
			}
			return err
		},
		"by the sweeper": func(ctx context.Context, s *mongostore.Store, _ domain.UserID) error {
			return s.FinishOutboxes(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mongod.Shared(t)
			config := mongostore.Config{
				URI: server.URI(), Database: server.Database(t), Clock: newClock(), NoTTL: true, Lease: mongostore.LeaseFor,
				Timeout: patience,
			}
			here := openConfig(t, config)
			var seen readCounter
			config.Monitor = seen.monitor()
			there := openConfig(t, config)
			user, id := newUser(t, here, 1)
			warm(t, there, &seen, id)
			db := server.Client(t).Database(config.Database)
			olderRevoke(t, db, user)
			_, err := db.Collection("users").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: user}},
				bson.D{{Key: "$push", Value: bson.D{{Key: "outbox", Value: bson.D{
					{Key: "id", Value: "crashed"},
					{Key: "at", Value: newClock().Now().Add(-time.Minute).UnixNano()},
					{Key: "stale", Value: true},
				}}}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := finish(t.Context(), here, user); err != nil {
				t.Fatal(err)
			}
			if _, err := there.View().Lookup(t.Context(), id); !errors.Is(err, domain.ErrSessionNotFound) {
				t.Errorf("Lookup on the other node = %v, want domain.ErrSessionNotFound", err)
			}
		})
	}
}

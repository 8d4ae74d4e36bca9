package bench_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

var millionMongoDB = flag.String("million-mongodb", "",
	"the URI of a server whose database ostiary_million is kept and used again; empty starts a server")

const (
	millionDatabase = "ostiary_million"
	// oneSchema is the version of a schema without any step, on a database whose nodes may cache.
	oneSchema = 1000
)

// millionStore is a MongoDB store with a million users.
type millionStore struct {
	*mongostore.Store
	config mongostore.Config
	users  *mongo.Collection
}

func openMillionStore(b *testing.B) *millionStore {
	b.Helper()
	m := &millionStore{config: mongostore.Config{
		URI: *millionMongoDB, Database: millionDatabase, Clock: sysclock.Clock{}, NoTTL: true,
		Migrating: func(step string, number, of int, took time.Duration) {
			b.Logf("%s (%d of %d), %s", step, number, of, took.Round(time.Second))
		},
	}}
	if m.config.URI == "" {
		m.config.URI = mongod.Start(b, "--wiredTigerCacheSizeGB", "4").URI()
	}
	client, err := mongo.Connect(options.Client().ApplyURI(m.config.URI))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Disconnect(context.WithoutCancel(b.Context())) })
	m.users = client.Database(millionDatabase).Collection("users")
	m.fill(b)
	m.open(b)
	return m
}

func (m *millionStore) open(b *testing.B) {
	b.Helper()
	var err error
	if m.Store, err = mongostore.Open(b.Context(), m.config); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close(context.WithoutCancel(b.Context())) })
}

// fill stores the users without indexes, and resets the schema: the next start builds the indexes of all users, as that
// of a later version does.
func (m *millionStore) fill(b *testing.B) {
	b.Helper()
	const count = 1_000_000
	if n, err := m.users.EstimatedDocumentCount(b.Context()); err != nil || n >= count {
		if err != nil {
			b.Fatal(err)
		}
		return
	}
	if err := m.users.Database().Drop(b.Context()); err != nil {
		b.Fatal(err)
	}
	config := m.config
	config.Timeout = time.Minute
	s, err := mongostore.Open(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(context.WithoutCancel(b.Context())) }()
	m.dropIndexes(b)
	random := rand.New(rand.NewPCG(1, 2))
	for done := 0; done < count; {
		users := make([]domain.Archived, 1000)
		for i := range users {
			user := benchUser(random, done)
			user.Groups, user.Sessions = nil, nil
			users[i] = domain.Archived{Key: string(user.ID), Value: user}
			done++
		}
		if err := s.Restore(b.Context(), domain.ArchiveUsers, users); err != nil {
			b.Fatal(err)
		}
	}
	_, err = m.users.Database().Collection("meta").UpdateOne(b.Context(), bson.D{{Key: "_id", Value: "schema"}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: oneSchema}}}})
	if err != nil {
		b.Fatal(err)
	}
}

// dropIndexes drops the indexes that the steps of the schema create again. A conversion of the search creates the index
// of users in its earlier format, and this database has no such users.
func (m *millionStore) dropIndexes(b *testing.B) {
	b.Helper()
	specs, err := m.users.Indexes().ListSpecifications(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, spec := range specs {
		if spec.Name == "_id_" || spec.Name == "old_format" {
			continue
		}
		if err := m.users.Indexes().DropOne(b.Context(), spec.Name); err != nil {
			b.Fatal(err)
		}
	}
}

// used returns the processor time of this process and of the server.
func (m *millionStore) used(tb testing.TB) time.Duration {
	tb.Helper()
	var status struct {
		Process struct {
			User   int64 `bson:"user_time_us"`
			System int64 `bson:"system_time_us"`
		} `bson:"extra_info"`
	}
	command := bson.D{{Key: "serverStatus", Value: 1}}
	if err := m.users.Database().RunCommand(context.Background(), command).Decode(&status); err != nil {
		tb.Fatal(err)
	}
	return cpuTime(tb) + time.Duration(status.Process.User+status.Process.System)*time.Microsecond
}

// indexBytes returns the size of the indexes of the search for each user.
func (m *millionStore) indexBytes(b *testing.B) float64 {
	b.Helper()
	var stats struct {
		Count int64            `bson:"count"`
		Sizes map[string]int64 `bson:"indexSizes"`
	}
	command := bson.D{{Key: "collStats", Value: m.users.Name()}}
	if err := m.users.Database().RunCommand(b.Context(), command).Decode(&stats); err != nil {
		b.Fatal(err)
	}
	b.Logf("bytes of the indexes: %v", stats.Sizes)
	return float64(stats.Sizes["ends"]+stats.Sizes["tri"]+stats.Sizes["old_format"]) / float64(stats.Count)
}

// BenchmarkMongoDBMillion measures the search of the MongoDB store at a million users: the size of its indexes, and the
// processor time of node and server for each search.
func BenchmarkMongoDBMillion(b *testing.B) {
	m := openMillionStore(b)
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			withLimit(b, "MongoDB, a million: index of the search", m.indexBytes(b), 1200, "B/user")
		}
	})
	measureSearches(b, "MongoDB", m.Users(), m.used, func(millionSearch) float64 { return mongoDBLimit })
}

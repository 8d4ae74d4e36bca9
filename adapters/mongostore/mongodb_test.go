//go:build mongodb

package mongostore_test

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/test/conformance"
)

// testsMongoDB tells whether the tests that need MongoDB are built in.
const testsMongoDB = true

func mongoURI(t *testing.T) string {
	t.Helper()
	uri := os.Getenv("OSTIARY_TEST_MONGODB_URI")
	if uri == "" {
		t.Fatal("OSTIARY_TEST_MONGODB_URI names no server: these tests need a real one")
	}
	return uri
}

// openMongo opens a store in a database of its own, which goes when the test ends.
func openMongo(t *testing.T, change ...func(*mongostore.Config)) (*mongostore.Store, string) {
	t.Helper()
	uri, name := mongoURI(t), "ostiary_test_"+strings.ToLower(rand.Text())[:12]
	config := mongostore.Config{URI: uri, Database: name, Clock: newClock(), NoTTL: true}
	for _, c := range change {
		c(&config)
	}
	s, err := mongostore.Open(t.Context(), config)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := s.Close(ctx); err != nil {
			t.Errorf("closing the store: %v", err)
		}
		client, err := mongo.Connect(options.Client().ApplyURI(uri))
		if err != nil {
			t.Errorf("dropping the database: %v", err)
			return
		}
		if err := client.Database(name).Drop(ctx); err != nil {
			t.Errorf("dropping the database: %v", err)
		}
		_ = client.Disconnect(ctx)
	})
	return s, name
}

func TestConformanceOnMongoDB(t *testing.T) { //nolint:tparallel // the suites have to end before the queries are looked at
	t.Parallel()
	seen := newShapes()
	t.Run("suites", func(t *testing.T) {
		conformance.All(t, func(t *testing.T) conformance.Stores {
			t.Helper()
			s, _ := openMongo(t, patient(seen))
			return stores(s)
		})
	})
	_, name := openMongo(t)
	seen.wantIndexed(t, mongoURI(t), name)
}

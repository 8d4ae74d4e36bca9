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
	"github.com/ostiary/ostiary/test/existence"
)

// testsMongoDB reports whether the tests that need MongoDB are compiled in.
const testsMongoDB = true

func mongoURI(t *testing.T) string {
	t.Helper()
	uri := os.Getenv("OSTIARY_TEST_MONGODB_URI")
	if uri == "" {
		t.Fatal("OSTIARY_TEST_MONGODB_URI is not set: these tests need a MongoDB server")
	}
	return uri
}

// openMongo opens a store in a new database, which is dropped at the end of the test.
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

func TestConformanceOnMongoDB(t *testing.T) { //nolint:tparallel // the suites must end before the queries are checked
	t.Parallel()
	seen := newQueryShapes()
	t.Run("suites", func(t *testing.T) {
		conformance.All(t, func(t *testing.T) conformance.Stores {
			t.Helper()
			s, _ := openMongo(t, patient(seen))
			return s.Ports()
		})
	})
	_, name := openMongo(t)
	seen.wantIndexed(t, mongoURI(t), name)
}

func TestNoRouteRevealsByItsRoundTripsWhoExistsOnMongoDB(t *testing.T) {
	t.Parallel()
	var seen commands
	s, _ := openMongo(t, func(c *mongostore.Config) { c.Monitor = seen.monitor() })
	existence.Test(t, existence.Store{Ports: s.Ports(), Cost: seen.cost(s)})
}

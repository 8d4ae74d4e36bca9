//go:build mongodb

package olddata_test

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// newDatabase returns a server and the name of a database that goes when the test ends.
func newDatabase(t *testing.T) (uri, name string) {
	t.Helper()
	uri, name = os.Getenv("OSTIARY_TEST_MONGODB_URI"), "ostiary_test_"+strings.ToLower(rand.Text())[:12]
	if uri == "" {
		t.Fatal("OSTIARY_TEST_MONGODB_URI names no server: these tests need a real one")
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		client, err := mongo.Connect(options.Client().ApplyURI(uri))
		must(t, err)
		must(t, client.Database(name).Drop(ctx))
		must(t, client.Disconnect(ctx))
	})
	return uri, name
}

func TestAnOldDatabaseOpensOnMongoDB(t *testing.T) {
	t.Parallel()
	uri, name := newDatabase(t)
	doEverything(t, openMongoDB(t, uri, name, nil))
}

func TestASettingThatAnOldDatabaseLacksHasItsDefaultOnMongoDB(t *testing.T) {
	t.Parallel()
	uri, name := newDatabase(t)
	lacksASetting(t, openMongoDB(t, uri, name, withoutASetting))
}

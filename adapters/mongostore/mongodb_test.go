package mongostore_test

import (
	"testing"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// openMongo opens a store in a database of its own.
func openMongo(t *testing.T, server *mongod.Server, change ...func(*mongostore.Config)) (*mongostore.Store, string) {
	t.Helper()
	config := mongostore.Config{
		URI: server.URI(), Database: server.Database(t), Clock: newClock(), NoTTL: true, Timeout: patience,
	}
	for _, c := range change {
		c(&config)
	}
	s, err := mongostore.Open(t.Context(), config)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s, config.Database
}

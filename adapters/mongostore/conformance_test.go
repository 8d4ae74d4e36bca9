package mongostore_test

import (
	"testing"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/test/conformance"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// TestConformance runs the suites on one server and on a replica set. Every query of the run must be served by an
// index.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, start := range mongod.Kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, seen, words := start(t), newQueryShapes(), &vocabulary{words: map[string]bool{}}
			t.Run("suites", func(t *testing.T) {
				conformance.All(t, func(t *testing.T) conformance.Stores {
					t.Helper()
					s, _ := openMongo(t, server, watched(seen), func(c *mongostore.Config) { c.Monitor = words.also(c.Monitor) })
					return s.Ports()
				})
			})
			_, name := openMongo(t, server)
			seen.wantIndexed(t, server.URI(), name)
			checkVocabulary(t, words)
		})
	}
}

// watched collects the queries.
func watched(seen *queryShapes) func(*mongostore.Config) {
	return func(c *mongostore.Config) { c.Monitor = seen.monitor() }
}

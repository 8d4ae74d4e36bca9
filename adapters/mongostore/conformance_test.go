package mongostore_test

import (
	"os"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/test/conformance"
	"github.com/ostiary/ostiary/test/fixtures/mongowire"
)

// TestConformanceOnOurOwnServer runs the suites on the test server, which is not MongoDB. The same suites run on
// MongoDB with the build tag mongodb; see mongodb_test.go. Every query of the run must be served by an index.
func TestConformanceOnOurOwnServer(t *testing.T) { //nolint:tparallel // the suites must end before the queries are checked
	t.Parallel()
	seen := newQueryShapes()
	t.Run("suites", func(t *testing.T) {
		conformance.All(t, func(t *testing.T) conformance.Stores {
			t.Helper()
			return openOwn(t, mongowire.Start(t), patient(seen)).Ports()
		})
	})
	server := mongowire.Start(t)
	openOwn(t, server)
	seen.wantIndexed(t, server.URI(), "ostiary")
}

// patient collects the queries and sets a long timeout: the suites test decisions, also on a machine that is busy with
// other tests and the race detector.
func patient(seen *queryShapes) func(*mongostore.Config) {
	return func(c *mongostore.Config) { c.Monitor, c.Timeout = seen.monitor(), time.Minute }
}

// TestMongoDBIsTestedWhereItIsRequired prevents a run that is required to test MongoDB from passing without it.
func TestMongoDBIsTestedWhereItIsRequired(t *testing.T) {
	t.Parallel()
	if os.Getenv("OSTIARY_REQUIRE_MONGODB") == "1" && !testsMongoDB {
		t.Fatal("OSTIARY_REQUIRE_MONGODB=1 and the tests were built without the tag mongodb: " +
			"run go test -tags mongodb with OSTIARY_TEST_MONGODB_URI")
	}
}

package nodes_test

import (
	"testing"

	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// database is where the nodes of a test store their data.
type database struct {
	uri, name string
	uris      []string // of each node, where they differ
}

func newDatabase(t *testing.T, server *mongod.Server) database {
	t.Helper()
	return database{uri: server.PatientURI(), name: server.NewDatabase(t)}
}

func tapped(server *mongotap.Server) database {
	return database{uri: server.URI(), name: server.Database}
}

// onEach runs a test of two nodes on one server and on a replica set.
func onEach(t *testing.T, test func(t *testing.T, nodes []*node)) {
	t.Helper()
	for name, start := range mongod.Kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, startOn(t, 2, newDatabase(t, start(t))))
		})
	}
}

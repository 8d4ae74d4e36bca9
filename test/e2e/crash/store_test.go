package crash_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// recovery limits the time until everything works again; an election and a restart on a busy machine are included.
const recovery = 2 * time.Minute

// store is what the program stores its data in, and what a crash kills.
type store struct {
	environment []string
	// kill kills the database, and repair starts it again. If they are nil, a crash kills the program.
	kill, repair func(testing.TB)
}

// stores are the combinations that are tested.
var stores = map[string]func(*testing.T) store{
	"embedded store, kill the program": func(*testing.T) store { return store{} },
	"one server, kill the program": func(t *testing.T) store {
		t.Helper()
		server := mongod.Shared(t)
		return onMongoDB(t, server, server.PatientURI())
	},
	"one server, kill it": func(t *testing.T) store {
		t.Helper()
		server := mongod.Start(t)
		s := onMongoDB(t, server, server.URI())
		s.kill, s.repair = server.Members[0].Kill, server.Members[0].Restart
		return s
	},
	"replica set, kill the primary": func(t *testing.T) store {
		t.Helper()
		server := mongod.StartSet(t)
		s := onMongoDB(t, server, server.URI())
		var killed *mongod.Member
		s.kill = func(t testing.TB) {
			t.Helper()
			if killed != nil { // the one of the crash before, so that a majority remains
				killed.Restart(t)
			}
			killed = server.Primary(t)
			killed.Kill(t)
		}
		s.repair = func(t testing.TB) { t.Helper(); server.Primary(t) }
		return s
	},
}

func onMongoDB(t *testing.T, server *mongod.Server, uri string) store {
	t.Helper()
	return store{environment: []string{
		"OSTIARY_STORAGE_DRIVER=mongodb", "OSTIARY_STORAGE_MONGODB_URI=" + uri,
		"OSTIARY_STORAGE_MONGODB_DATABASE=" + server.NewDatabase(t),
		"OSTIARY_KEYRING_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}}
}

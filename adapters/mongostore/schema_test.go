package mongostore_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

func rawDatabase(t *testing.T, server *mongotap.Server) *mongo.Database {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	return client.Database(server.Database)
}

func TestOpenRefusesNewerSchema(t *testing.T) {
	t.Parallel()
	server := mongotap.StartNew(t)
	openOwn(t, server)
	_, err := rawDatabase(t, server).Collection("meta").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "schema"}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "version", Value: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	config := mongostore.Config{URI: server.URI(), Database: server.Database, Clock: newClock(), Timeout: patience}
	_, err = mongostore.Open(t.Context(), config)
	if !errors.Is(err, mongostore.ErrNewerSchema) {
		t.Errorf("Open on a database of a later version = %v, want ErrNewerSchema", err)
	}
}

func TestConcurrentStartsMigrateOnce(t *testing.T) {
	t.Parallel()
	server := mongotap.StartNew(t)
	stores := make([]*mongostore.Store, 8)
	config := mongostore.Config{URI: server.URI(), Database: server.Database, Clock: newClock(), Timeout: patience}
	var starting sync.WaitGroup
	for i := range stores {
		starting.Go(func() {
			s, err := mongostore.Open(t.Context(), config)
			if err != nil {
				t.Errorf("node %d: %v", i, err)
			}
			stores[i] = s
		})
	}
	starting.Wait()
	created := map[string]int{}
	for _, c := range server.Commands() {
		if c.Name == "createIndexes" {
			created[c.Collection+" "+fmt.Sprint(c.Body[1])]++
		}
	}
	for name, n := range created {
		if n != 1 {
			t.Errorf("these indexes were created %d times: %s", n, name)
		}
	}
	for _, s := range stores {
		catalog, err := s.CatalogStore().Catalog(t.Context())
		if err != nil || catalog.Roles.Len() != len(domain.BuiltInRoles()) {
			t.Errorf("a node has %d roles, %v", catalog.Roles.Len(), err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestLateLeaseFindsNoStepsLeft: a node reads an old version and gets the lease only after another node has
// run all steps.
func TestLateLeaseFindsNoStepsLeft(t *testing.T) {
	t.Parallel()
	server := mongotap.StartNew(t)
	done := make(chan struct{})
	server.Inject(mongotap.Fault{Command: "update", Collection: "meta", Do: mongotap.HangBefore(done)})
	config := mongostore.Config{URI: server.URI(), Database: server.Database, Clock: newClock(), Timeout: patience}
	late := make(chan error, 1)
	go func() {
		s, err := mongostore.Open(t.Context(), config)
		if err == nil {
			err = s.Close(t.Context())
		}
		late <- err
	}()
	for hangs := false; !hangs; { // the first request for the lease waits
		for _, c := range server.Commands() {
			hangs = hangs || c.Name == "update" && c.Collection == "meta"
		}
		runtime.Gosched()
	}
	openOwn(t, server)
	close(done)
	if err := <-late; err != nil {
		t.Errorf("the late node: %v", err)
	}
}

func TestMigrationResumesAfterCrash(t *testing.T) {
	t.Parallel()
	server := mongotap.StartNew(t)
	now := newClock()
	config := mongostore.Config{URI: server.URI(), Database: server.Database, Clock: now, Timeout: patience}
	server.Inject(mongotap.Fault{Command: "createIndexes", Skip: 3, Do: mongotap.Fail(8, "UnknownError")})
	if _, err := mongostore.Open(t.Context(), config); !errors.Is(err, fault.ErrStorage) {
		t.Fatalf("Open with a failing step = %v, want fault.ErrStorage", err)
	}
	now.advance(10 * time.Minute) // the lease of the crashed node has expired
	s, err := mongostore.Open(t.Context(), config)
	if err != nil {
		t.Fatalf("the next start: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestErrorDoesNotContainPassword(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"mongodb://ada:secret@host:port/", "mongodb://ada:secret@host/?secret=%zz", "mongodb://ada:sec%72et@host/?tls=secret",
		"mongodb://ada:se:cret@host/", "mongodb://host/?tls=true&tlsCertificateKeyFilePassword=secret%zz",
		"mongodb+srv://ada:secret@host.invalid:1/",
	} {
		_, err := mongostore.Open(t.Context(), mongostore.Config{URI: uri, Database: "ostiary", Clock: newClock()})
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "cret") {
			t.Errorf("Open = %q, want an error without the password", err)
		}
	}
}

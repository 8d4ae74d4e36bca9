package mongostore_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

func TestReadSettings(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	look := func(want int) {
		t.Helper()
		settings, found, err := mongostore.ReadSettings(t.Context(),
			mongostore.Config{URI: server.URI(), Database: server.Database, Timeout: patience})
		if err != nil || found != (want > 0) || settings.Lockout.MaxAttempts != want {
			t.Errorf("ReadSettings: MaxAttempts %d, found %v, %v; want %d", settings.Lockout.MaxAttempts, found, err, want)
		}
	}
	look(0)
	s := openOwn(t, server)
	_, err := s.CatalogStore().UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
		x.Lockout.MaxAttempts = 3
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	look(3)
}

func TestReadCollisions(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	config := mongostore.Config{URI: server.URI(), Database: server.Database, Timeout: patience}
	if got, found, err := mongostore.ReadCollisions(t.Context(), config); got != nil || found || err != nil {
		t.Errorf("ReadCollisions on an empty database = %v, %v, %v; want nothing found", got, found, err)
	}
	s := openOwn(t, server)
	conformance.StoreCollisions(t, s.Users(), s.Groups(), s)
	got, found, err := mongostore.ReadCollisions(t.Context(), config)
	if err != nil || !found {
		t.Fatalf("ReadCollisions: found %v, %v", found, err)
	}
	if diff := cmp.Diff(conformance.Collisions(), got); diff != "" {
		t.Errorf("ReadCollisions (-want +got):\n%s", diff)
	}
}

// TestReadTimesOutOnUnresponsiveServer: `config check` may run where the database is unreachable.
func TestReadTimesOutOnUnresponsiveServer(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	config := mongostore.Config{URI: "mongodb://" + silent.Addr().String(), Database: "ostiary"}
	_, found, err := mongostore.ReadCollisions(ctx, config)
	if err == nil || found || ctx.Err() != nil {
		t.Errorf("found %v, %v; %v", found, err, ctx.Err())
	}
}

// A database from before users had names: its users collide, and it has no index of names.
func TestDatabaseFromBeforeNamesOpensWithItsCollisions(t *testing.T) {
	t.Parallel()
	server := mongotap.StartNew(t)
	s := openOwn(t, server)
	conformance.StoreCollisions(t, s.Users(), s.Groups(), s)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := rawDatabase(t, server)
	for name, index := range map[string]string{"users": "uniq_names", "catalog": "uniq_name_key"} {
		if err := db.Collection(name).Indexes().DropOne(t.Context(), index); err != nil {
			t.Fatal(err)
		}
	}
	_, err := db.Collection("meta").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "schema"}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: 2}}}})
	if err != nil {
		t.Fatal(err)
	}
	s = openOwn(t, server)
	first, err := s.Users().FindByLogin(t.Context(), "first@example.com")
	if err != nil || first.UsernameKey != "first@example.com" {
		t.Errorf("FindByLogin = %q, %v; want first@example.com", first.UsernameKey, err)
	}
	wanted := domain.User{ID: "usr_9", UsernameKey: "new", EmailKey: "first@example.com"}
	if err := s.Users().Create(t.Context(), wanted, domain.Outbox{}); !errors.Is(err, domain.ErrUserExists) {
		t.Errorf("Create with a taken name = %v, want domain.ErrUserExists", err)
	}
}

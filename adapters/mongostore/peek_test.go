package mongostore_test

import (
	"testing"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongowire"
)

func TestOwnServerALookAtTheSettings(t *testing.T) {
	t.Parallel()
	server := mongowire.Start(t)
	look := func(want int) {
		t.Helper()
		settings, found, err := mongostore.PeekSettings(t.Context(), mongostore.Config{URI: server.URI(), Database: "ostiary"})
		if err != nil || found != (want > 0) || settings.Lockout.MaxAttempts != want {
			t.Errorf("a look gives %d, found %v, %v; want %d", settings.Lockout.MaxAttempts, found, err, want)
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

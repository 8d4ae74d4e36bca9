package sqlitestore_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
)

func TestALookAtTheSettingsChangesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	look := func() (int, bool) {
		t.Helper()
		settings, found, err := sqlitestore.PeekSettings(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return settings.Lockout.MaxAttempts, found
	}
	names := func() int {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if _, found := look(); found || names() != 0 {
		t.Errorf("where nothing is, settings are found: %v, and there are %d files", found, names())
	}
	s := openStore(t, dir)
	if n, found := look(); !found || n != domain.DefaultSettings().Lockout.MaxAttempts {
		t.Errorf("of a new installation that is open: %d, found %v", n, found)
	}
	_, err := s.CatalogStore().UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
		x.Lockout.MaxAttempts = 3
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, found := look(); !found || n != 3 {
		t.Errorf("of changed settings: %d, found %v", n, found)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := names()
	if n, found := look(); !found || n != 3 || names() != before {
		t.Errorf("of one that is closed: %d, found %v, %d files where %d were", n, found, names(), before)
	}
}

func TestALookFindsTheNamesThatCollide(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	conformance.StoreCollisions(t, s.Users(), s.CatalogStore(), s)
	look := func(open string) {
		t.Helper()
		got, found, err := sqlitestore.PeekCollisions(t.Context(), dir)
		if err != nil || !found {
			t.Fatalf("of a store that is %s: found %v, %v", open, found, err)
		}
		if diff := cmp.Diff(conformance.Collisions(), got); diff != "" {
			t.Errorf("of a store that is %s (-want +got)\n%s", open, diff)
		}
	}
	look("open")
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	look("closed")
	openStore(t, dir) // what collides never stops a start
	if got, found, err := sqlitestore.PeekCollisions(t.Context(), t.TempDir()); got != nil || found || err != nil {
		t.Errorf("where nothing is: %v, found %v, %v", got, found, err)
	}
}

package sqlitestore_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
)

func TestReadSettingsChangesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	read := func() (int, bool) {
		t.Helper()
		settings, found, err := sqlitestore.ReadSettings(t.Context(), dir)
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
	if _, found := read(); found || names() != 0 {
		t.Errorf("empty directory: settings found = %v, %d files", found, names())
	}
	s := openStore(t, dir)
	if n, found := read(); !found || n != domain.DefaultSettings().Lockout.MaxAttempts {
		t.Errorf("open new installation: maximum attempts = %d, found = %v", n, found)
	}
	_, err := s.CatalogStore().UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
		x.Lockout.MaxAttempts = 3
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, found := read(); !found || n != 3 {
		t.Errorf("changed settings: maximum attempts = %d, found = %v", n, found)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := names()
	if n, found := read(); !found || n != 3 || names() != before {
		t.Errorf("closed installation: maximum attempts = %d, found = %v, %d files, want %d", n, found, names(), before)
	}
}

func TestReadCollisions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	conformance.StoreCollisions(t, s.Users(), s.Groups(), s)
	read := func(open string) {
		t.Helper()
		got, found, err := sqlitestore.ReadCollisions(t.Context(), dir)
		if err != nil || !found {
			t.Fatalf("%s store: found = %v, error %v", open, found, err)
		}
		if diff := cmp.Diff(conformance.Collisions(), got); diff != "" {
			t.Errorf("%s store (-want +got)\n%s", open, diff)
		}
	}
	read("open")
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	read("closed")
	openStore(t, dir) // collisions do not prevent opening
	if got, found, err := sqlitestore.ReadCollisions(t.Context(), t.TempDir()); got != nil || found || err != nil {
		t.Errorf("empty directory: %v, found = %v, error %v", got, found, err)
	}
}

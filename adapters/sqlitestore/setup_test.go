package sqlitestore_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
)

// withoutWAL creates a copy of only the database file, made while all content is still in the write-ahead log.
func withoutWAL(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlitestore.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "PRAGMA journal_mode = WAL"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesDatabaseWithoutContent(t *testing.T) {
	t.Parallel()
	absent := func(*testing.T, string) {}
	empty := func(t *testing.T, dir string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, sqlitestore.FileName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		content func(*testing.T, string)
		known   sqlitestore.Known
		refused bool
	}{
		"absent, nothing known":          {absent, sqlitestore.KnownNothing, false},
		"empty, nothing known":           {empty, sqlitestore.KnownNothing, false},
		"without its log, nothing known": {withoutWAL, sqlitestore.KnownNothing, true},
		"absent, set up before":          {absent, sqlitestore.KnownSetUp, true},
		"empty, set up before":           {empty, sqlitestore.KnownSetUp, true},
		"without its log, set up before": {withoutWAL, sqlitestore.KnownSetUp, true},
		"without its log, new":           {withoutWAL, sqlitestore.KnownNew, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			tc.content(t, dir)
			before, _ := os.ReadFile(filepath.Join(dir, sqlitestore.FileName))
			store, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Dir: dir, Clock: sysclock.Clock{}, Known: tc.known})
			if refused := errors.Is(err, sqlitestore.ErrNeverSetUp); refused != tc.refused || err != nil && !refused {
				t.Fatalf("Open() = %v, want ErrNeverSetUp: %t", err, tc.refused)
			}
			if err == nil {
				if has, err := store.HasUsers(t.Context()); has || err != nil {
					t.Errorf("HasUsers() = %t, %v for a new store", has, err)
				}
				if err := store.Close(t.Context()); err != nil {
					t.Error(err)
				}
				return
			}
			after, err := os.ReadFile(filepath.Join(dir, sqlitestore.FileName))
			if string(after) != string(before) || before == nil && err == nil {
				t.Errorf("the refused open changed the file (%v)", err)
			}
		})
	}
}

func TestInitializedStoreOpensAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, known := range []sqlitestore.Known{sqlitestore.KnownNew, sqlitestore.KnownSetUp, sqlitestore.KnownNothing} {
		store, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Dir: dir, Clock: sysclock.Clock{}, Known: known})
		if err != nil {
			t.Fatalf("known %d: %v", known, err)
		}
		if err := store.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ostiary/ostiary/core/fault"
)

// Known is what the caller knows about the store in a directory before opening it.
type Known int

const (
	// KnownNothing accepts a new store. It refuses a database without tables and without a write-ahead log, which is
	// the result of copying only the database file of a running service.
	KnownNothing Known = iota
	// KnownNew accepts a new store, also after an interrupted initialization.
	KnownNew
	// KnownSetUp refuses a store that was never initialized.
	KnownSetUp
)

// ErrNeverSetUp means that the database is missing or has no tables although it should have been initialized before.
var ErrNeverSetUp = fault.New(fault.Unavailable, "store_never_set_up", "The database was never set up")

// checkSetUp returns ErrNeverSetUp for a database that has lost its content. It changes nothing.
func checkSetUp(ctx context.Context, path string, known Known) error {
	if known == KnownNew {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Size() == 0:
		if known == KnownSetUp {
			return ErrNeverSetUp.Because(fmt.Errorf("%s is missing or empty", path))
		}
		return nil
	case err != nil:
		return fmt.Errorf("opening the database: %w", err)
	}
	_, err = os.Stat(path + "-wal")
	if err == nil && known == KnownNothing {
		return nil
	}
	tables, err := countTables(ctx, path)
	if err != nil || tables > 0 {
		return err
	}
	return ErrNeverSetUp.Because(fmt.Errorf("%s has no tables", path))
}

func countTables(ctx context.Context, path string) (tables int, err error) {
	db, err := sql.Open("sqlite", dsn(path, true))
	if err != nil {
		return 0, translate(fmt.Errorf("opening %s: %w", FileName, err))
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return 0, translate(fmt.Errorf("opening %s: %w", FileName, err))
	}
	return tables, nil
}

// HasUsers reports whether the store contains a user.
func (s *Store) HasUsers(ctx context.Context) (bool, error) {
	var has bool
	err := s.reads.get(ctx, nil, "SELECT EXISTS (SELECT 1 FROM users)", nil, &has)
	return has, err
}

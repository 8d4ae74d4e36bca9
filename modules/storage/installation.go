package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/config"
)

// markName is the file in the data directory that stores the mark if the key file cannot.
const markName = "ostiary.store"

// Installation determines whether a store was set up in a data directory before. The mark is in the key file, or
// beside the database if the key is configured. If there is a mark, an empty database was copied without its
// write-ahead log, or replaced.
type Installation struct {
	store   *sqlitestore.Store
	dir     string
	keyFile string // empty if the key is configured
	mark    keyring.StoreMark
	from    string // the file of the mark, existing or not
	id      string // of the open store
}

// readInstallation reads the mark. The key file of a new installation exists by then, with its mark.
func readInstallation(c config.Config) (*Installation, error) {
	in := &Installation{dir: c.DataDir, from: filepath.Join(c.DataDir, markName)}
	paths := []string{in.from}
	if c.Keyring.Key == "" {
		in.keyFile = c.KeyFile()
		in.from = in.keyFile
		paths = []string{in.keyFile, paths[0]}
	}
	for _, path := range paths {
		mark, err := keyring.ReadStoreMark(path)
		if err != nil {
			return nil, err
		}
		if mark.State != keyring.StoreUnknown {
			in.mark, in.from = mark, path
		}
	}
	return in, nil
}

// known returns the state that the store may expect. A key file without a mark is from an earlier version or was
// created by hand.
func (in *Installation) known() sqlitestore.Known {
	switch {
	case in.mark.State == keyring.StoreNew:
		return sqlitestore.KnownNew
	case in.mark.State != keyring.StoreUnknown:
		return sqlitestore.KnownSetUp
	default:
		return sqlitestore.KnownNothing
	}
}

// warning returns a warning about a new database with a key file without a mark: the database of the key may have
// been forgotten. It is empty if there is nothing to report.
func (in *Installation) warning() string {
	path := filepath.Join(in.dir, sqlitestore.FileName)
	_, err := os.Stat(path)
	if in.mark.State != keyring.StoreUnknown || in.keyFile == "" || !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return fmt.Sprintf("there is no database %s beside the key file %s: a new one is created; if the key belongs to an "+
		"earlier database, stop and put that back (docs/operate.md)", path, in.keyFile)
}

// opened checks the opened store and marks it.
func (in *Installation) opened(ctx context.Context, store *sqlitestore.Store, id string) error {
	in.store, in.id = store, id
	users, err := store.HasUsers(ctx)
	if err != nil {
		return err
	}
	if in.mark.State == keyring.StoreInUse && !users {
		return in.lost(sqlitestore.ErrNeverSetUp)
	}
	return in.record(users)
}

// lost returns the error of a store that has lost its data, with a remedy.
func (in *Installation) lost(err error) error {
	if !errors.Is(err, sqlitestore.ErrNeverSetUp) {
		return err
	}
	return fmt.Errorf(
		"the database %s is missing or was never set up, and this is not a new installation: it was probably "+
			"copied without its write-ahead log (%s-wal). Put it back from a backup (docs/operate.md). If a new installation is "+
			"meant, remove the database and append the line %q to %s",
		filepath.Join(in.dir, sqlitestore.FileName), sqlitestore.FileName, keyring.NewInstallation, in.from)
}

// record appends the mark of the open store if it adds to the previous one.
func (in *Installation) record(users bool) error {
	mark := keyring.StoreMark{State: keyring.StoreSetUp, ID: in.id}
	if users {
		mark.State = keyring.StoreInUse
	}
	if mark == in.mark {
		return nil
	}
	err := keyring.AppendStoreMark(in.from, mark)
	if err != nil && in.from == in.keyFile { // such as a read-only mount
		in.from = filepath.Join(in.dir, markName)
		err = keyring.AppendStoreMark(in.from, mark)
	}
	if err == nil {
		in.mark = mark
	}
	return err
}

// Mark marks the store when it has users: while the service runs, and when it stops.
func (in *Installation) Mark(ctx context.Context) error {
	if in.mark.State == keyring.StoreInUse {
		return nil
	}
	users, err := in.store.HasUsers(ctx)
	if err != nil || !users {
		return err
	}
	return in.record(true)
}

package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/modules/jobs"
	"github.com/ostiary/ostiary/ports"
)

// markName is the file in the data directory that holds the mark of the store where the key file cannot.
const markName = "ostiary.store"

// installation knows whether a store was set up in a data directory before: the mark in the key file, or beside the database
// where the key is configured, says so. An empty database there was copied without its journal, or replaced.
type installation struct {
	store   *sqlitestore.Store
	dir     string
	keyFile string // empty where the key is configured
	mark    keyring.StoreMark
	from    string // the file that the mark is in, or would be
	id      string // of the store that is open
}

// newInstallation takes the sealer since that creates the key file of a new installation, with its mark.
func newInstallation(c config.Config, _ ports.Sealer) (*installation, error) {
	in := &installation{dir: c.DataDir, from: filepath.Join(c.DataDir, markName)}
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

// known returns what the store may expect. A key file without a mark is of an earlier version, or was put there by hand.
func (in *installation) known() sqlitestore.Known {
	switch {
	case in.mark.State == keyring.StoreNew:
		return sqlitestore.KnownNew
	case in.mark.State != keyring.StoreUnknown:
		return sqlitestore.KnownSetUp
	default:
		return sqlitestore.KnownNothing
	}
}

// warning returns what to say of a new database beside a key file that has no mark: the database that the key belongs to may
// have been left behind. It is empty where there is nothing to say.
func (in *installation) warning() string {
	path := filepath.Join(in.dir, sqlitestore.FileName)
	if _, err := os.Stat(path); in.mark.State != keyring.StoreUnknown || in.keyFile == "" || !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return fmt.Sprintf("there is no database %s beside the key file %s: a new one is created; if the key belongs to an earlier database, "+
		"stop and put that back (docs/operate.md)", path, in.keyFile)
}

// opened checks the store that was opened, and marks it.
func (in *installation) opened(ctx context.Context, store *sqlitestore.Store, id string) error {
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

// lost says what to do about a store that has lost what it held.
func (in *installation) lost(err error) error {
	if !errors.Is(err, sqlitestore.ErrNeverSetUp) {
		return err
	}
	return fmt.Errorf("the database %s is missing or was never set up, and this is not a new installation: it was probably copied without "+
		"its journal (%s-wal). Put it back from a backup (docs/operate.md). If a new installation is meant, remove the database and append "+
		"the line %q to %s", filepath.Join(in.dir, sqlitestore.FileName), sqlitestore.FileName, keyring.NewInstallation, in.from)
}

// record appends the mark of the open store where it says more than the one before.
func (in *installation) record(users bool) error {
	mark := keyring.StoreMark{State: keyring.StoreSetUp, ID: in.id}
	if users {
		mark.State = keyring.StoreInUse
	}
	if mark == in.mark {
		return nil
	}
	err := keyring.AppendStoreMark(in.from, mark)
	if err != nil && in.from == in.keyFile { // such as a file that is mounted for reading alone
		in.from = filepath.Join(in.dir, markName)
		err = keyring.AppendStoreMark(in.from, mark)
	}
	if err == nil {
		in.mark = mark
	}
	return err
}

// markUsers marks the store once it has users.
func markUsers(in *installation) jobs.Result {
	return jobs.Result{Job: jobs.Job{Name: "store_mark", Every: time.Minute, Run: in.update}}
}

// update marks the store once it has users: while the service runs, and at its end.
func (in *installation) update(ctx context.Context) error {
	if in.mark.State == keyring.StoreInUse {
		return nil
	}
	users, err := in.store.HasUsers(ctx)
	if err != nil || !users {
		return err
	}
	return in.record(true)
}

package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// openReadOnly opens the database in the directory read-only, and returns nil if there is none. It creates, locks and
// migrates nothing.
func openReadOnly(dir string) (*sql.DB, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // a missing database is not an error
	} else if err != nil {
		return nil, err
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(1000)", "query_only(1)"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) {
		q.Set("immutable", "1") // no process has the database open, so SQLite needs no companion files
	}
	db, err := sql.Open("sqlite",
		(&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	return db, translate(err)
}

// ReadSettings returns the security settings of the installation in the directory, and false if there is no
// installation.
func ReadSettings(ctx context.Context, dir string) (settings domain.Settings, found bool, err error) {
	db, err := openReadOnly(dir)
	if err != nil || db == nil {
		return domain.Settings{}, false, err
	}
	var doc string
	err = db.QueryRowContext(ctx, "SELECT doc FROM settings").Scan(&doc)
	if err = errors.Join(err, db.Close()); err != nil {
		return domain.Settings{}, false, translate(err)
	}
	settings, err = decodeSettings(doc)
	return settings, err == nil, err
}

// ReadCollisions returns the names that several users or groups of the installation in the directory share, and false
// if there is no installation.
func ReadCollisions(ctx context.Context, dir string) (collisions []domain.Collision, found bool, err error) {
	db, err := openReadOnly(dir)
	if err != nil || db == nil {
		return nil, false, err
	}
	users, err := readUserCollisions(ctx, db)
	if err == nil {
		collisions, err = readGroupCollisions(ctx, db)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, false, translate(err)
	}
	return append(users, collisions...), true, nil
}

func readUserCollisions(ctx context.Context, db *sql.DB) (collisions []domain.Collision, err error) {
	// Every e-mail address has an @, and few usernames do.
	rows, err := db.QueryContext(ctx, `SELECT a.username, a.id, b.id FROM users a JOIN users b ON b.email = a.username AND b.n <> a.n
		WHERE instr(a.username, '@') > 0 ORDER BY a.username LIMIT 0+?`, domain.MaxCollisions)
	err = eachRow(rows, err, into(&collisions, func(rows rowScanner) (domain.Collision, error) {
		c := domain.Collision{Kind: domain.CollisionUser, Holders: make([]string, 2)}
		err := rows.Scan(&c.Name, &c.Holders[0], &c.Holders[1])
		return c, err
	}))
	return collisions, err
}

func readGroupCollisions(ctx context.Context, db *sql.DB) ([]domain.Collision, error) {
	var groups []domain.Group
	rows, err := db.QueryContext(ctx, "SELECT doc FROM groups")
	err = eachRow(rows, err, into(&groups, scanDoc((*records.Group).Domain)))
	return domain.GroupCollisions(groups), err
}

package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ostiary/ostiary/core/domain"
)

// PeekSettings reads the security settings of the installation in the directory, and false where there is none. Nothing is
// made, locked or migrated: it is for a look that changes nothing.
func PeekSettings(ctx context.Context, dir string) (settings domain.Settings, found bool, err error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return domain.Settings{}, false, err
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(1000)", "query_only(1)"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) {
		q.Set("immutable", "1") // nobody has it open, and no companion files are made for the look
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return domain.Settings{}, false, translate(err)
	}
	var doc string
	err = db.QueryRowContext(ctx, "SELECT doc FROM settings").Scan(&doc)
	if err = errors.Join(err, db.Close()); err != nil {
		return domain.Settings{}, false, translate(err)
	}
	settings, err = decodeSettings(doc)
	return settings, err == nil, err
}

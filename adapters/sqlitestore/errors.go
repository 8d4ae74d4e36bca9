package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"

	"github.com/ostiary/ostiary/core/fault"
)

// errClosed is the cause of what is asked of a closed store.
var errClosed = errors.New("the store is closed")

// statementClosed is what database/sql says, which has no value for it.
const statementClosed = "sql: statement is closed"

// libraryError keeps the words of an error of the library and not its type.
type libraryError string

// Error returns the words.
func (e libraryError) Error() string { return string(e) }

// translate turns what the library says into fault.ErrStorage and leaves everything else as it is.
func translate(err error) error {
	if err == nil || errors.Is(err, fault.ErrStorage) {
		return err
	}
	var lib *sqlite.Error
	switch {
	case errors.As(err, &lib), errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone), errors.Is(err, driver.ErrBadConn):
		return fault.ErrStorage.Because(libraryError(err.Error()))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.ErrStorage.Because(err)
	case err.Error() == "sql: database is closed", err.Error() == statementClosed:
		return fault.ErrStorage.Because(errClosed)
	}
	return err
}

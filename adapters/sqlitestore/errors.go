package sqlitestore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"

	"github.com/ostiary/ostiary/core/fault"
)

// errClosed is the cause of the error that a closed store returns.
var errClosed = errors.New("the store is closed")

// statementClosed is the text of an error of database/sql that is not exported as a value.
const statementClosed = "sql: statement is closed"

// libraryError is the text of an error of the SQLite library, without its type.
type libraryError string

// Error returns the text.
func (e libraryError) Error() string { return string(e) }

// translate converts errors of the libraries to fault.ErrStorage and returns other errors unchanged.
func translate(err error) error {
	if err == nil || errors.Is(err, fault.ErrStorage) {
		return err
	}
	var lib *sqlite.Error
	switch {
	case errors.As(err, &lib), errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone),
		errors.Is(err, driver.ErrBadConn):
		return fault.ErrStorage.Because(libraryError(err.Error()))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.ErrStorage.Because(err)
	case err.Error() == "sql: database is closed", err.Error() == statementClosed:
		return fault.ErrStorage.Because(errClosed)
	}
	return err
}

package sqlitestore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// tx is the transaction of a batch, as a write uses it.
type tx struct {
	w   *writer
	ctx context.Context //nolint:containedctx // never canceled: a started batch is completed

	catalog *domain.Catalog // the changed catalog, nil until a write of the batch has changed it
	hooks   []func()        // run after the commit and before the writes are acknowledged
}

// mark is the state of a tx to restore when a write fails.
type mark struct {
	catalog *domain.Catalog
	hooks   int
}

func (t *tx) mark() mark { return mark{t.catalog, len(t.hooks)} }

func (t *tx) reset(m mark) { t.catalog, t.hooks = m.catalog, t.hooks[:m.hooks] }

// onCommit registers a hook that runs after the commit, in the order of the writes.
func (t *tx) onCommit(hook func()) { t.hooks = append(t.hooks, hook) }

func (t *tx) publish() {
	for _, hook := range t.hooks {
		hook()
	}
}

// stmt returns the prepared statement of the query. All statements are cached: their texts are constants of this
// package.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
	t.w.monitor(query)
	if s, ok := t.w.stmts[query]; ok {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, err
	}
	t.w.stmts[query] = s
	return s, nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.execCount(query, args...)
	return err
}

// execCount executes the statement and returns the number of changed rows.
func (t *tx) execCount(query string, args ...any) (int64, error) {
	s, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// execNew executes the statement and returns fault.ErrConflict if it changes no row.
func (t *tx) execNew(query string, args ...any) error {
	count, err := t.execCount(query, args...)
	if err == nil && count == 0 {
		err = fault.ErrConflict
	}
	return err
}

// get reads one row into dest, or returns absent if there is none. A nil absent leaves dest as it is.
func (t *tx) get(absent error, query string, args []any, dest ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	err = s.QueryRowContext(t.ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return absent
	}
	return err
}

// each calls scan for each row.
func (t *tx) each(scan func(rowScanner) error, query string, args ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	return eachRow(rows, err, scan)
}

// rowScanner reads the columns of a row.
type rowScanner interface{ Scan(dest ...any) error }

// errNoRow means that a query has found no row.
var errNoRow = errors.New("no such row")

// into returns a scan function that appends what one reads from each row.
func into[T any](items *[]T, one func(rowScanner) (T, error)) func(rowScanner) error {
	return func(rows rowScanner) error {
		item, err := one(rows)
		*items = append(*items, item)
		return err
	}
}

// scanValue reads a row of one column.
func scanValue[T any](rows rowScanner) (value T, err error) {
	err = rows.Scan(&value)
	return value, err
}

func eachRow(rows *sql.Rows, err error, scan func(rowScanner) error) error {
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns the error
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

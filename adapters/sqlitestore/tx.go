package sqlitestore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
)

// tx is what one write sees of the transaction that it shares.
type tx struct {
	w   *writer
	ctx context.Context //nolint:containedctx // never ends: what has started is brought to its end

	catalog *domain.Catalog // the changed catalog, once a write of the batch has changed it
	hooks   []func()        // run after the commit and before anybody is answered
}

// mark is a place to return to when a write fails.
type mark struct {
	catalog *domain.Catalog
	hooks   int
}

func (t *tx) mark() mark { return mark{t.catalog, len(t.hooks)} }

func (t *tx) reset(m mark) { t.catalog, t.hooks = m.catalog, t.hooks[:m.hooks] }

// onCommit has hook run after the commit, in the order of the writes.
func (t *tx) onCommit(hook func()) { t.hooks = append(t.hooks, hook) }

func (t *tx) publish() {
	for _, hook := range t.hooks {
		hook()
	}
}

// stmt returns the prepared statement of the text. The texts are constants of this package, so there are few.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
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

// execCount returns how many rows the statement has changed.
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

// get reads one row into dest, or returns absent where there is none.
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

// each calls scan for every row.
func (t *tx) each(scan func(rowScanner) error, query string, args ...any) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	return eachRow(rows, err, scan)
}

// rowScanner is what a row is read through.
type rowScanner interface{ Scan(dest ...any) error }

func eachRow(rows *sql.Rows, err error, scan func(rowScanner) error) error {
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err has told before
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

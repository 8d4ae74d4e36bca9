package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// readers is the maximum number of concurrent reads.
const readers = 4

// reader is a pool of read-only connections. Each query sees all transactions that were committed before it started.
type reader struct {
	db      *sql.DB
	monitor func(query string)
	mu      sync.RWMutex
	stmts   map[string]*sql.Stmt

	closed atomic.Bool
}

func openReader(dsn string, monitor func(string)) (*reader, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", translate(err))
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	return &reader{db: db, monitor: monitor, stmts: map[string]*sql.Stmt{}}, nil
}

// maxReads is the maximum number of cached prepared statements. The texts combine few parts in many ways.
const maxReads = 200

func (r *reader) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	r.monitor(query)
	r.mu.RLock()
	s, ok := r.stmts[query]
	r.mu.RUnlock()
	if ok {
		return s, nil
	}
	s, err := r.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if won, ok := r.stmts[query]; ok {
		return won, s.Close()
	}
	for other, old := range r.stmts { // in random order
		if len(r.stmts) < maxReads {
			break
		}
		delete(r.stmts, other)
		_ = old.Close() // running queries continue
	}
	r.stmts[query] = s
	return s, nil
}

// query runs the query. If another goroutine has evicted the prepared statement, query prepares it again.
func (r *reader) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	for {
		s, err := r.stmt(ctx, query)
		if err != nil {
			return nil, err
		}
		rows, err := s.QueryContext(ctx, args...)
		if err == nil || err.Error() != statementClosed || r.closed.Load() {
			return rows, err
		}
	}
}

// get reads one row into dest, or returns absent if there is none. A nil absent leaves dest as it is.
func (r *reader) get(ctx context.Context, absent error, query string, args []any, dest ...any) error {
	found := false
	err := r.each(ctx, func(rows rowScanner) error {
		found = true
		return rows.Scan(dest...)
	}, query, args...)
	if err == nil && !found {
		return absent
	}
	return err
}

// each calls scan for each row.
func (r *reader) each(ctx context.Context, scan func(rowScanner) error, query string, args ...any) error {
	rows, err := r.query(ctx, query, args)
	return translate(eachRow(rows, err, scan))
}

func (r *reader) close() error {
	r.closed.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, s := range r.stmts {
		errs = append(errs, s.Close())
	}
	return translate(errors.Join(append(errs, r.db.Close())...))
}

package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

const defaultReaders = 4

// reader is the pool of connections that only read. Each query sees everything that was committed before it began.
type reader struct {
	db    *sql.DB
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

func openReader(dsn string, size int) (*reader, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", translate(err))
	}
	if size <= 0 {
		size = defaultReaders
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return &reader{db: db, stmts: map[string]*sql.Stmt{}}, nil
}

func (r *reader) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
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
	r.stmts[query] = s
	return s, nil
}

// get reads one row into dest, or returns absent where there is none.
func (r *reader) get(ctx context.Context, absent error, query string, args []any, dest ...any) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return translate(err)
	}
	err = s.QueryRowContext(ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return absent
	}
	return translate(err)
}

// each calls scan for every row.
func (r *reader) each(ctx context.Context, scan func(rowScanner) error, query string, args ...any) error {
	s, err := r.stmt(ctx, query)
	if err != nil {
		return translate(err)
	}
	rows, err := s.QueryContext(ctx, args...)
	return translate(eachRow(rows, err, scan))
}

func (r *reader) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, s := range r.stmts {
		errs = append(errs, s.Close())
	}
	return translate(errors.Join(append(errs, r.db.Close())...))
}

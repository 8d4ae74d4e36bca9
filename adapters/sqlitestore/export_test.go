package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ostiary/ostiary/core/domain"
)

// IndexPending adds the pending users to the search index immediately.
func (s *Store) IndexPending(ctx context.Context) error { return s.writer.do(ctx, s.indexPending) }

// SetFewFound replaces the number of search results that are sorted for one page.
func (s *Store) SetFewFound(n int64) { s.fewFound = n }

// Flush writes pending activity times and attempts immediately.
func (s *Store) Flush(ctx context.Context) error { return s.view.flush(ctx) }

// Explain returns the query plan of SQLite.
func (s *Store) Explain(ctx context.Context, query string) (string, error) {
	return s.explain(ctx, query, make([]any, strings.Count(query, "?")))
}

func (s *Store) explain(ctx context.Context, query string, args []any) (string, error) {
	var lines []string
	rows, err := s.reads.db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	err = eachRow(rows, err, func(rows rowScanner) error {
		var id, parent, unused int
		var detail string
		err := rows.Scan(&id, &parent, &unused, &detail)
		lines = append(lines, detail)
		return err
	})
	return strings.Join(lines, "\n"), err
}

// Queries returns the text of every prepared statement.
func (s *Store) Queries() []string {
	var queries []string
	s.reads.mu.RLock()
	for query := range s.reads.stmts {
		queries = append(queries, query)
	}
	s.reads.mu.RUnlock()
	_ = s.writer.do(context.Background(), func(t *tx) error {
		for query := range t.w.stmts {
			queries = append(queries, query)
		}
		return nil
	})
	return queries
}

// Pieces returns the n-grams of a text, in order, as words of the search index.
func Pieces(text string) string { return piecesOf(text) }

// Check runs the integrity check of SQLite.
func (s *Store) Check(ctx context.Context) error {
	var found string
	if err := s.reads.get(ctx, errNoRow, "PRAGMA integrity_check", nil, &found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("the integrity check failed: %s", found)
	}
	return nil
}

// LimitPages limits the size of the database.
func (s *Store) LimitPages(ctx context.Context, pages int64) error {
	return s.writer.do(ctx, func(t *tx) error { return t.exec(fmt.Sprint("PRAGMA max_page_count = ", pages)) })
}

// Break drops the table of users, so that further queries fail.
func (s *Store) Break(ctx context.Context) error {
	return s.writer.do(ctx, func(t *tx) error { return t.exec("DROP TABLE users") })
}

// Drop evicts a session from the cache.
func (s *Store) Drop(id domain.SessionID) { s.view.sessions.drop(id) }

// Read runs a query that returns one integer.
func (s *Store) Read(ctx context.Context, query string) (number int, err error) {
	return number, s.reads.get(ctx, errNoRow, query, nil, &number)
}

// Reprepared returns the texts of the statements that SQLite has planned anew at an execution.
func (s *Store) Reprepared(ctx context.Context) ([]string, error) {
	var found []string
	err := s.writer.do(ctx, func(t *tx) error { return reprepared(t.w.conn, &found) })
	for range readers {
		conn, taken := s.reads.db.Conn(ctx)
		if taken != nil {
			return nil, errors.Join(err, taken)
		}
		defer conn.Close()
		err = errors.Join(err, reprepared(conn, &found))
	}
	return found, err
}

// reprepared reads the counters of SQLite, which the driver does not export.
func reprepared(conn *sql.Conn, found *[]string) error {
	return conn.Raw(func(driver any) error {
		fields := reflect.ValueOf(driver).Elem()
		db, tls := uintptr(fields.FieldByName("db").Uint()), (*libc.TLS)(fields.FieldByName("tls").UnsafePointer())
		for stmt := uintptr(0); ; {
			if stmt = sqlite3.Xsqlite3_next_stmt(tls, db, stmt); stmt == 0 {
				return nil
			}
			if n := sqlite3.Xsqlite3_stmt_status(tls, stmt, sqlite3.SQLITE_STMTSTATUS_REPREPARE, 0); n > 0 {
				*found = append(*found, fmt.Sprintf("%d times: %s", n, libc.GoString(sqlite3.Xsqlite3_sql(tls, stmt))))
			}
		}
	})
}

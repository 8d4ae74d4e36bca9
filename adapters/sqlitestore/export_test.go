package sqlitestore

import (
	"context"
	"fmt"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// FillUsers writes n users the fast way, for benchmarks: the indexes are made after them.
func (s *Store) FillUsers(ctx context.Context, n int, user func(i int) domain.User) error {
	return s.writer.do(ctx, func(t *tx) error {
		var indexes []string
		err := t.each(func(rows rowScanner) error {
			var name, sql string
			if err := rows.Scan(&name, &sql); err != nil {
				return err
			}
			indexes = append(indexes, name, sql)
			return nil
		}, "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'users' AND sql IS NOT NULL")
		if err != nil {
			return err
		}
		for i := 0; i < len(indexes); i += 2 {
			if err := t.exec("DROP INDEX " + indexes[i]); err != nil {
				return err
			}
		}
		if err := t.fill(n, user); err != nil {
			return err
		}
		for i := 1; i < len(indexes); i += 2 {
			if err := t.exec(indexes[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) fill(n int, user func(i int) domain.User) error {
	cells := map[[3]string]int64{}
	for i := range n {
		u := user(i)
		key := [3]string{string(u.Role), string(u.Status), string(u.Directory)}
		cell, ok := cells[key]
		if !ok {
			var err error
			if cell, err = moveCell(t, nil, &u); err != nil {
				return err
			}
			cells[key] = cell
		} else if err := t.exec("UPDATE user_cells SET users = users + 1 WHERE cell = ?", cell); err != nil {
			return err
		}
		doc, err := encodeUser(&u)
		if err != nil {
			return err
		}
		place := u.CreatedAt.UnixMilli() << 10
		err = t.exec(`INSERT INTO users (n, id, identifier, username, email, directory, subject, cell, last_login, search_text, doc)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			place, string(u.ID), u.Identifier, u.UsernameKey, u.EmailKey, string(u.Directory), string(u.Subject), cell, stamp(u.LastLogin), u.SearchText, doc)
		if err != nil {
			return err
		}
		if err := moveGroups(t, place, nil, u.Groups); err != nil {
			return err
		}
		if err := t.exec("INSERT INTO user_search (rowid, pieces) VALUES (?, ?)", place, wordsOf(u.SearchText, cell, u.Groups)); err != nil {
			return err
		}
	}
	return nil
}

// FillAudit writes n entries the fast way, for benchmarks.
func (s *Store) FillAudit(ctx context.Context, n int, entry func(i int) domain.AuditEntry) error {
	for done := 0; done < n; {
		err := s.writer.do(ctx, func(t *tx) error {
			for end := min(n, done+50_000); done < end; done++ {
				e := entry(done)
				if err := s.appendEntry(t, &e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Fold folds the waiting search texts at once.
func (s *Store) Fold(ctx context.Context) error { return s.writer.do(ctx, s.foldPending) }

// Flush writes noted activities at once.
func (s *Store) Flush(ctx context.Context) error { return s.view.flush(ctx) }

// ExplainUsers returns how SQLite would answer the queries of a page, for each of its queries.
func (s *Store) ExplainUsers(ctx context.Context, q domain.UserQuery) (map[string]string, error) {
	order, err := orderOf(q.Sort)
	if err != nil {
		return nil, err
	}
	p, err := s.planUsers(ctx, &q, order)
	if err != nil || p == nil {
		return nil, fmt.Errorf("no plan: %w", err)
	}
	p.place = &userPlace{"1", 1}
	query, args := p.page(20, 0)
	plans := map[string]string{}
	if plans["page by way "+fmt.Sprint(p.way)], err = s.explain(ctx, query, args); err != nil {
		return nil, err
	}
	if q.Group != "" || q.Search != "" {
		query, args = p.matches()
		plans["total by way "+fmt.Sprint(p.way)], err = s.explain(ctx, query, args)
	}
	return plans, err
}

// ExplainAudit returns how SQLite would answer the queries of a page of the audit trail.
func (s *Store) ExplainAudit(ctx context.Context, q domain.AuditQuery) (map[string]string, error) {
	p, _ := s.planAudit(&q)
	var err error
	plans := map[string]string{}
	query, args := p.page("DESC", 20, 0)
	if plans["page"], err = s.explain(ctx, query, args); err != nil {
		return nil, err
	}
	query, args = p.page("ASC", 20, 0)
	if plans["scan"], err = s.explain(ctx, query, args); err != nil {
		return nil, err
	}
	query, args = p.count(100)
	plans["total"], err = s.explain(ctx, query, args)
	return plans, err
}

// Explain returns how SQLite would answer the query.
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

// Queries returns the text of every statement that was prepared so far.
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

// Pieces returns the pieces of a text in their order.
func Pieces(text string) string { return piecesOf(text) }

// Check has SQLite look for damage.
func (s *Store) Check(ctx context.Context) error {
	var found string
	if err := s.reads.get(ctx, errNoEntry, "PRAGMA integrity_check", nil, &found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("the database is damaged: %s", found)
	}
	return nil
}

// Forget empties the view.
func (s *Store) Forget() { s.view = newView(s) }

// Dir is where the store is.
func (s *Store) Dir() string { return s.config.Dir }

// LimitPages limits the size of the database.
func (s *Store) LimitPages(ctx context.Context, pages int64) error {
	return s.writer.do(ctx, func(t *tx) error { return t.exec(fmt.Sprint("PRAGMA max_page_count = ", pages)) })
}

// Break takes away the table that everything stands on.
func (s *Store) Break(ctx context.Context) error {
	return s.writer.do(ctx, func(t *tx) error { return t.exec("DROP TABLE users") })
}

// Drop takes a session out of the view, as when others take its place.
func (s *Store) Drop(id domain.SessionID) { s.view.sessions.drop(id) }

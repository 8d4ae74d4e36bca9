package sqlitestore_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/test/conformance"
)

// TestConformance runs the conformance suites. It checks the query plan of every statement that they executed, and that
// SQLite has planned none of them twice.
func TestConformance(t *testing.T) { //nolint:tparallel // the checks after the suites need the queries of all suites
	t.Parallel()
	seen := &queryTexts{found: map[string]bool{}}
	t.Run("suites", func(t *testing.T) {
		conformance.All(t, func(t *testing.T) conformance.Stores {
			t.Helper()
			s := openObserved(t, seen)
			t.Cleanup(func() { checkPrepared(t, s) })
			return s.Ports()
		})
	})
	queries := seen.all()
	if len(queries) == 0 {
		t.Fatal("no query was executed")
	}
	s := openStore(t, t.TempDir())
	for _, query := range queries {
		checkPlan(t, s, query)
	}
}

// queryTexts collects the text of every statement of several stores. A store itself forgets prepared statements when it
// has many.
type queryTexts struct {
	mu    sync.Mutex
	found map[string]bool
}

func (q *queryTexts) add(query string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.found[query] = true
}

// all returns the texts collected so far. Stores that are open may still add some.
func (q *queryTexts) all() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Sorted(maps.Keys(q.found))
}

// checkPrepared reports statements that were planned anew at an execution, as those with LIMIT ? are. That takes longer
// than reading a page.
func checkPrepared(t *testing.T, s *sqlitestore.Store) {
	t.Helper()
	found, err := s.Reprepared(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Error(err)
	}
	for _, statement := range found {
		if !strings.Contains(statement, "PRAGMA") { // SQLite executes it by planning it
			t.Errorf("planned anew %s", statement)
		}
	}
}

// smallTables have one row for each role, group, kind or key. Queries may scan them.
var smallTables = []string{
	"user_cells", "roles", "groups", "settings", "catalog", "signing_keys", "signing_set", "admin_guard", "audit_kinds",
	"audit_seal_key",
	"search_pending", "third_party_tokens", "CONSTANT ROW", "sqlite_master",
	"p", "w", "f", // aliases of search_pending, and of the results of the search index
	"irregular", // alias of the users in a partial index that is empty
}

// checkPlan reports a query that scans a large table, or that sorts rows which an index returns in order.
func checkPlan(t *testing.T, s *sqlitestore.Store, query string) {
	t.Helper()
	word, _, _ := strings.Cut(query, " ")
	if !strings.Contains(" SELECT UPDATE DELETE WITH ", " "+word+" ") {
		return
	}
	plan, err := s.Explain(t.Context(), query)
	if err != nil {
		t.Errorf("%v: %s", err, query)
		return
	}
	sorts := 0
	if strings.Contains(query, " IN (SELECT") {
		sorts = 1 // the sort of the page itself
	}
	limited := strings.Contains(query, "LIMIT") && strings.Count(plan, "TEMP B-TREE FOR ORDER BY") <= sorts
	for line := range strings.SplitSeq(plan, "\n") {
		table, ok := strings.CutPrefix(line, "SCAN ")
		// A query with a limit and without a sort stops at the end of the page.
		if !ok || limited || strings.Contains(line, "VIRTUAL TABLE") || isSmall(table) {
			continue
		}
		t.Errorf("scans the table %s:\n%s\n%s", table, query, plan)
	}
}

func isSmall(table string) bool {
	for _, small := range smallTables {
		if table == small || strings.HasPrefix(table, small+" ") || strings.HasPrefix(table, "(subquery") {
			return true
		}
	}
	return false
}

func openStore(t *testing.T, dir string) *sqlitestore.Store {
	t.Helper()
	return openConfigured(t, sqlitestore.Config{Dir: dir, Clock: sysclock.Clock{}})
}

// openObserved opens a new store whose statements are collected.
func openObserved(t *testing.T, seen *queryTexts) *sqlitestore.Store {
	t.Helper()
	return openConfigured(t, sqlitestore.Config{Dir: t.TempDir(), Clock: sysclock.Clock{}, Monitor: seen.add})
}

func openConfigured(t *testing.T, config sqlitestore.Config) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

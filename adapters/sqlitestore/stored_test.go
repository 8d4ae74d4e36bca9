package sqlitestore_test

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/test/conformance"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestStoredRowsMatchGoldenFiles compares every row that the store writes with a golden file. A changed name or format
// would make the databases of existing installations unreadable: add a migration instead of rewriting a file.
func TestStoredRowsMatchGoldenFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Dir: dir, Clock: sysclock.Clock{}})
	if err != nil {
		t.Fatal(err)
	}
	conformance.WriteEveryKind(t, s.Ports())
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlitestore.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, table := range []string{
		"admin_guard", "api_keys", "attempts", "audit_entries", "audit_kinds", "audit_seal_key", "audit_segments",
		"catalog", "groups",
		"idempotency", "messages", "once", "rates", "roles", "sessions", "settings", "signing_keys", "signing_set",
		"sync_positions",
		"third_party_tokens", "user_cells", "users",
	} {
		compareGolden(t, filepath.Join("testdata", "stored", table+".golden"), rowsOf(t, db, table))
	}
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("stored rows differ from %s (-want +got):\n%s", path, diff)
	}
}

// rowsOf returns the rows of a table as sorted text with one value in each line.
func rowsOf(t *testing.T, db *sql.DB, table string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, value := range values {
			fmt.Fprintf(&b, "%s: %s\n", columns[i], literal(value))
		}
		all = append(all, b.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func literal(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	default:
		return fmt.Sprint(v)
	}
}

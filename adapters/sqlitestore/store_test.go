package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // opens the database without the store

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SQLITESTORE_TEST_CHILD"); dir != "" {
		child(dir)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

func config(dir string) sqlitestore.Config {
	return sqlitestore.Config{Dir: dir, Clock: sysclock.Clock{}}
}

func testUser(name string) domain.User {
	return domain.User{
		ID: domain.UserID("usr_" + name), Username: name, UsernameKey: name, Email: name + "@example.com",
		EmailKey:   name + "@example.com",
		SearchText: name + "\n" + name + "@example.com\n", Role: domain.RoleUser, Status: domain.StatusActive,
		Directory: "local",
		CreatedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

func TestSecondProcessCannotOpenDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openStore(t, dir)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "SQLITESTORE_TEST_CHILD="+dir)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("a second process has opened the directory")
	}
	line := strings.TrimSpace(string(out))
	for _, want := range []string{dir, "in_use", strconv.Itoa(os.Getpid())} {
		if !strings.Contains(line, want) || strings.Contains(line, "\n") {
			t.Errorf("the second process prints %q, want one line with %q", line, want)
		}
	}
}

func TestCloseReleasesDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 3 {
		s, err := sqlitestore.Open(t.Context(), config(dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("second Close() = %v", err)
		}
		_, err = s.Users().Get(t.Context(), "usr_1")
		err2 := s.Users().Create(t.Context(), testUser("late"), domain.Outbox{})
		if !errors.Is(err, fault.ErrStorage) || !errors.Is(err2, fault.ErrStorage) {
			t.Errorf("a closed store returns %v and %v, want ErrStorage", err, err2)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*-wal")); len(left) != 0 {
		t.Errorf("the write-ahead log %v remains after Close", left)
	}
}

func TestFilesHaveMode0600(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := openStore(t, dir)
	if err := s.Users().Create(t.Context(), testUser("jane"), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 3 {
		t.Errorf("%d files, want at least the database, its log and the lock file", len(entries))
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", entry.Name(), info.Mode())
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, want 0700", info.Mode())
	}
}

// TestGroupAccessibleDirectoryOpensAgain opens files with the modes that Kubernetes sets at each mount of a volume with
// an fsGroup: 0660 for files and 2770 for folders.
func TestGroupAccessibleDirectoryOpensAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s, err := sqlitestore.Open(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Users().Create(t.Context(), testUser("jane"), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy") // includes the files that exist only while the database is open
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	open := []os.FileMode{0o770 | os.ModeSetgid, 0o660}
	if err := os.Chmod(copied, open[0]); err != nil {
		t.Fatal(err)
	}
	names := []string{sqlitestore.FileName, sqlitestore.FileName + "-wal", sqlitestore.FileName + "-shm", "ostiary.lock"}
	for _, name := range names {
		if err := os.Chmod(filepath.Join(copied, name), open[1]); err != nil {
			t.Fatal(err)
		}
	}
	again := openStore(t, copied)
	if _, err := again.Users().FindByLogin(t.Context(), "jane"); err != nil {
		t.Errorf("find a user written before: %v", err)
	}
	for _, name := range names[:3] {
		if info, err := os.Stat(filepath.Join(copied, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v; want 0600", name, info.Mode(), err)
		}
	}
}

func TestOpenRefusesLaterSchema(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlitestore.Open(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlitestore.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(),
		"INSERT INTO schema_versions (version_id, is_applied) VALUES (999999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = sqlitestore.Open(t.Context(), config(dir))
	if err == nil || !strings.Contains(err.Error(), "999999") {
		t.Errorf("got %v, want an error that names the version", err)
	}
}

func TestRecordsSurviveRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlitestore.Open(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	u := testUser("jane")
	session := domain.Session{
		ID: "sess_1", UserID: u.ID, CreatedAt: u.CreatedAt, LastActivity: u.CreatedAt,
		ExpiresAt: u.CreatedAt.Add(time.Hour),
	}
	u.Sessions = []domain.SessionRef{{ID: session.ID, ExpiresAt: session.ExpiresAt}}
	touched := u.CreatedAt.Add(time.Minute)
	entry := domain.AuditEntry{ID: "log_1", Time: u.CreatedAt, Action: domain.ActionUserCreate, Target: "usr_jane"}
	for _, err := range []error{
		s.Users().Create(t.Context(), u, domain.Outbox{Entries: []domain.AuditEntry{entry}}),
		s.Sessions().Create(t.Context(), session),
		s.View().Touch(t.Context(), session.ID, touched),
		s.Roles().Create(t.Context(), domain.Role{ID: "staff", Identifier: "12345678", Name: "Staff"}, domain.Outbox{}),
		s.Close(t.Context()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	again := openStore(t, dir)
	live, err := again.View().Lookup(t.Context(), session.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(u, *live.User); diff != "" {
		t.Errorf("the user differs (-want +got):\n%s", diff)
	}
	if !live.Session.LastActivity.Equal(touched) {
		t.Errorf("last activity = %v, want the time of the touch", live.Session.LastActivity)
	}
	catalog, err := again.CatalogStore().Catalog(t.Context())
	if err != nil || catalog.Role("staff").Name != "Staff" || catalog.Version < 2 {
		t.Errorf("role = %v in catalog version %d", catalog.Role("staff"), catalog.Version)
	}
	checkEntries(t, again, 1)
}

func checkEntries(t *testing.T, s *sqlitestore.Store, want int64) {
	t.Helper()
	page, err := s.Audit().List(t.Context(), domain.AuditQuery{Actions: []domain.Action{domain.ActionUserCreate}})
	if err != nil || page.Total != want {
		t.Errorf("%d audit entries, error %v, want %d", page.Total, err, want)
	}
}

func TestWaitingWriteCanBeCanceled(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	if err := s.Users().Create(t.Context(), testUser("jane"), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	running, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_, err := s.Users().Update(t.Context(), "usr_jane", func(u *domain.User, _ *domain.Outbox) error {
			close(running)
			<-release
			u.FullName = "first"
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-running
	ctx, cancel := context.WithCancel(t.Context())
	group.Go(func() {
		_, err := s.Users().Update(ctx, "usr_jane", func(u *domain.User, _ *domain.Outbox) error {
			u.FullName = "canceled"
			return nil
		})
		if !errors.Is(err, fault.ErrStorage) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want ErrStorage because the context was canceled", err)
		}
		close(release)
	})
	cancel()
	group.Wait()
	if u, err := s.Users().Get(t.Context(), "usr_jane"); err != nil || u.FullName != "first" {
		t.Errorf("the user is %q, %v", u.FullName, err)
	}
}

func TestPanicInChangeReachesItsCaller(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	if err := s.Users().Create(t.Context(), testUser("jane"), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach the caller")
			}
		}()
		_, _ = s.Users().Update(t.Context(), "usr_jane", func(u *domain.User, _ *domain.Outbox) error {
			u.FullName = "half"
			panic("a defect")
		})
	}()
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("a write after the panic failed: %v", err)
	}
	if u, err := s.Users().Get(t.Context(), "usr_jane"); err != nil || u.FullName != "" {
		t.Errorf("the user is %q, %v", u.FullName, err)
	}
}

func TestFailedWriteDoesNotFailItsBatch(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	var group sync.WaitGroup
	for i := range 40 { // every fourth write fails, in batches of any composition
		group.Go(func() {
			u := testUser("user" + strconv.Itoa(i))
			out := domain.Outbox{Entries: []domain.AuditEntry{{
				ID: "log_1", Action: domain.ActionUserCreate,
				Target: u.Username,
			}}}
			if i%4 == 3 {
				out.Entries[0].Details = map[string]any{"no JSON": func() {}}
			}
			if err := s.Users().Create(t.Context(), u, out); (err != nil) != (i%4 == 3) {
				t.Errorf("user %d: %v", i, err)
			}
		})
	}
	group.Wait()
	page, err := s.Users().List(t.Context(), domain.UserQuery{Page: domain.Page{Number: 1, Limit: 100}})
	if err != nil || page.Total != 30 || len(page.Users) != 30 {
		t.Errorf("%d users, total %d, error %v, want 30", len(page.Users), page.Total, err)
	}
	checkEntries(t, s, 30)
}

// TestClaimedMessagesAreDueAfterRestart checks that a message which a stopped process had claimed is due immediately
// after a restart, before its claim expires.
func TestClaimedMessagesAreDueAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := sqlitestore.Open(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	later := now.Add(time.Hour)
	out := domain.Outbox{Messages: []domain.Message{
		{ID: "msg_due", UserID: "usr_1", NextTry: now}, {ID: "msg_later", UserID: "usr_1", NextTry: later},
	}}
	if err := s.Users().Create(t.Context(), testUser("a"), out); err != nil {
		t.Fatal(err)
	}
	claim := func(s *sqlitestore.Store) []domain.Message {
		t.Helper()
		claimed, err := s.Messages().ClaimMessages(t.Context(), now, later, 10)
		if err != nil {
			t.Fatal(err)
		}
		return claimed
	}
	if got := claim(s); len(got) != 1 || len(claim(s)) != 0 {
		t.Fatalf("%d messages are due, want one in one of two claims", len(got))
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err = sqlitestore.Open(t.Context(), config(dir)); err != nil {
		t.Fatal(err)
	}
	if got := claim(s); len(got) != 1 || got[0].ID != "msg_due" {
		t.Errorf("%d messages are due after a restart, want the claimed one", len(got))
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

package sqlitestore_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// full limits the database to its current size, like a full disk, and returns a function that removes the limit.
func full(t *testing.T, s *sqlitestore.Store) (room func()) {
	t.Helper()
	limit := func(pages int64) {
		if err := s.LimitPages(t.Context(), pages); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite raises the limit to the current size
	return func() { limit(1 << 30) }
}

func TestFullDiskFailsWritesCompletely(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	jane := testUser("jane")
	jane.Metadata = []byte(`{"text":"` + strings.Repeat("x", 10_000) + `"}`)
	if err := s.Users().Create(t.Context(), jane, domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	room := full(t, s)
	var mu sync.Mutex
	created := map[string]bool{}
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			u := testUser("user" + strconv.Itoa(i))
			u.Metadata = []byte(`{"text":"` + strings.Repeat("x", 8000) + `"}`)
			out := domain.Outbox{Entries: []domain.AuditEntry{{
				ID: "log_1", Action: domain.ActionUserCreate,
				Target: string(u.ID),
			}}}
			err := s.Users().Create(t.Context(), u, out)
			if err != nil && !errors.Is(err, fault.ErrStorage) {
				t.Errorf("got %v, want ErrStorage", err)
			}
			mu.Lock()
			defer mu.Unlock()
			created[string(u.ID)] = err == nil
		})
	}
	group.Wait()
	if err := s.Ping(t.Context()); err != nil {
		t.Logf("the ping of a full store failed: %v", err)
	}
	room()

	refused := 0
	for id, want := range created {
		_, err := s.Users().Get(t.Context(), domain.UserID(id))
		if got := err == nil; got != want {
			t.Errorf("user %s: acknowledged = %v, stored = %v", id, want, got)
		}
		if !want {
			refused++
		}
	}
	if refused == 0 {
		t.Error("no write failed on a full disk")
	}
	checkAgree(t, s, len(created)-refused)
	if err := s.Users().Create(t.Context(), testUser("late"), domain.Outbox{}); err != nil {
		t.Errorf("create after the limit was removed: %v", err)
	}
}

// checkAgree checks that the numbers of audit entries, of users and of search results are equal to want.
func checkAgree(t *testing.T, s *sqlitestore.Store, want int) {
	t.Helper()
	checkEntries(t, s, int64(want))
	users, err := s.Users().List(t.Context(), domain.UserQuery{Search: "user"})
	if err != nil || users.Total != int64(want) {
		t.Errorf("the search finds %d users, error %v, want %d", users.Total, err, want)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPortsReturnNoErrorsOfTheLibrary checks the errors of calls whose queries fail in SQLite.
func TestPortsReturnNoErrorsOfTheLibrary(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	if err := s.Users().Create(t.Context(), testUser("jane"), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Break(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err1 := s.Users().Get(t.Context(), "usr_jane")
	_, err2 := s.Users().Update(t.Context(), "usr_jane", func(*domain.User, *domain.Outbox) error { return nil })
	_, err3 := s.Users().List(t.Context(), domain.UserQuery{Search: "jane"})
	err4 := s.Users().Create(t.Context(), testUser("joe"), domain.Outbox{})
	for i, err := range []error{err1, err2, err3, err4} {
		var lib *sqlite.Error
		if !errors.Is(err, fault.ErrStorage) || errors.As(err, &lib) {
			t.Errorf("call %d: got %v, want ErrStorage without the library's error", i, err)
		}
	}
}

func TestPiecesDoNotCrossLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":         "",
		"a":        "61 ",
		"ab":       "61 62 6162 ",
		"abab":     "61 62 6162 616261 6261 626162 ",
		"a\nb":     "61 62 ",
		"ž€":       "c5be e282ac c5bee282ac ",
		"\xff\nok": "ff 6f 6b 6f6b ",
	} {
		got := strings.Fields(sqlitestore.Pieces(text))
		seen := map[string]bool{}
		for _, piece := range got {
			if seen[piece] {
				t.Errorf("%q returns the piece %s twice", text, piece)
			}
			seen[piece] = true
		}
		for piece := range strings.FieldsSeq(want) {
			if !seen[piece] {
				t.Errorf("%q lacks the piece %s", text, piece)
			}
			delete(seen, piece)
		}
		if len(seen) != 0 {
			t.Errorf("%q returns the additional pieces %v", text, seen)
		}
	}
}

// TestSearchIncludesPendingUsers changes users that are pending for the search index, that are in it, and both.
func TestSearchIncludesPendingUsers(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	create := func(name string) {
		t.Helper()
		if err := s.Users().Create(t.Context(), testUser(name), domain.Outbox{}); err != nil {
			t.Fatal(err)
		}
	}
	rename := func(name, text string) {
		t.Helper()
		_, err := s.Users().Update(t.Context(), domain.UserID("usr_"+name), func(u *domain.User, _ *domain.Outbox) error {
			u.SearchText = text
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want map[string]int64) {
		t.Helper()
		for term, n := range want {
			for _, q := range []domain.UserQuery{
				{Search: term},
				{Search: term, Status: domain.StatusActive},
				{Search: term, Sort: domain.SortEmail},
			} {
				page, err := s.Users().List(t.Context(), q)
				if err != nil || page.Total != n || int64(len(page.Users)) != n {
					t.Errorf("%s: search %q returns %d users, total %d, error %v, want %d", when, term, len(page.Users), page.Total,
						err, n)
				}
			}
		}
	}
	index := func() {
		t.Helper()
		if err := s.IndexPending(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	create("anna")
	create("hanna")
	check("pending", map[string]int64{"anna": 2, "hann": 1, "x": 2})
	index()
	check("indexed", map[string]int64{"anna": 2, "hann": 1})
	rename("hanna", "paula")
	check("renamed", map[string]int64{"anna": 1, "hann": 0, "paul": 1, "au": 1})
	rename("hanna", "hanna again")
	check("renamed back", map[string]int64{"anna": 2, "again": 1, "paul": 0})
	index()
	check("indexed again", map[string]int64{"anna": 2, "again": 1, "paul": 0})
	if err := s.Users().Delete(t.Context(), "usr_hanna", domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	check("deleted", map[string]int64{"anna": 1, "again": 0})
	create("hanna") // possibly with the same row ID
	check("created again", map[string]int64{"anna": 2, "again": 0})
	index()
	check("indexed after all changes", map[string]int64{"anna": 2, "again": 0})
}

// TestConcurrentFlushLosesNoTouch flushes while a session is touched and read.
func TestConcurrentFlushLosesNoTouch(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	u := testUser("jane")
	session := domain.Session{
		ID: "sess_1", UserID: u.ID, CreatedAt: u.CreatedAt, LastActivity: u.CreatedAt,
		ExpiresAt: u.CreatedAt.Add(time.Hour),
	}
	u.Sessions = []domain.SessionRef{{ID: session.ID, ExpiresAt: session.ExpiresAt}}
	if err := errors.Join(s.Users().Create(t.Context(), u, domain.Outbox{}),
		s.Sessions().Create(t.Context(), session)); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 200; i++ {
		at := u.CreatedAt.Add(time.Duration(i) * time.Second)
		var group sync.WaitGroup
		group.Go(func() {
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() { _, _ = s.View().Lookup(t.Context(), session.ID) })
		if i%10 == 0 {
			s.Drop(session.ID) // as if other sessions had evicted it
		}
		if err := s.View().Touch(t.Context(), session.ID, at); err != nil {
			t.Fatal(err)
		}
		live, err := s.View().Lookup(t.Context(), session.ID)
		if err != nil || !live.Session.LastActivity.Equal(at) {
			t.Fatalf("round %d: last activity = %v, error %v, want %v", i, live.Session.LastActivity, err, at)
		}
		group.Wait()
	}
}

// TestReaderEvictsPreparedStatements runs more different queries concurrently than the reader caches.
func TestReaderEvictsPreparedStatements(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 300 {
				want := (i*7 + worker) % 300
				if got, err := s.Read(t.Context(), "SELECT "+strconv.Itoa(want)); err != nil || got != want {
					t.Errorf("got %d, %v, want %d", got, err, want)
				}
			}
		})
	}
	group.Wait()
	if n := len(s.Queries()); n > 300 {
		t.Errorf("%d statements are cached, want at most 300", n)
	}
}

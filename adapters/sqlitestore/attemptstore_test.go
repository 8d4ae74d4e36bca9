package sqlitestore_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/domain"
)

var attemptPolicy = domain.DefaultSettings().Lockout

func reserve(t *testing.T, s *sqlitestore.Store, account, id string, at time.Time) {
	t.Helper()
	err := s.AttemptStore().Update(t.Context(), account, at, func(a *domain.Attempts, _ *domain.Outbox) error {
		a.Reserve(id, "net", attemptPolicy, at)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func attemptsOf(t *testing.T, s *sqlitestore.Store, account string) domain.Attempts {
	t.Helper()
	a, err := s.AttemptStore().Get(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestReservationsAreStoredWithTheNextFailure checks that a reservation is not written to the database. The row appears
// with the next update that a response depends on, or with the next flush.
func TestReservationsAreStoredWithTheNextFailure(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	now := time.Now()
	storedRows := func() int {
		n, err := s.Read(t.Context(), "SELECT count(*) FROM attempts")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	reserve(t, s, "jane", "one", now)
	s.AttemptStore().UpdateAsync("jane", now, func(a *domain.Attempts) { a.Release("one") })
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if storedRows() != 0 {
		t.Error("a released attempt is stored in a row")
	}
	reserve(t, s, "jane", "two", now)
	if storedRows() != 0 {
		t.Error("a reservation is stored in a row")
	}
	err := s.AttemptStore().Update(t.Context(), "jane", now, func(a *domain.Attempts, _ *domain.Outbox) error {
		a.Fail("two", "net", attemptPolicy, now)
		return nil
	})
	if err != nil || storedRows() != 1 {
		t.Errorf("a failure is stored in %d rows, error %v, want 1 row", storedRows(), err)
	}
}

func TestCloseStoresPendingAttempts(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	s := openStore(t, dir)
	reserve(t, s, "jane", "one", now)
	if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if a := attemptsOf(t, openStore(t, dir), "jane"); len(a.Failures) != 1 || !a.Failures[0].Pending {
		t.Errorf("%d attempts are pending after a restart, want 1", len(a.Failures))
	}
}

// TestFullAttemptCacheLosesNoPendingAttempts updates more accounts than the cache has room for.
func TestFullAttemptCacheLosesNoPendingAttempts(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	now := time.Now()
	const accounts = 5000
	for i := range accounts {
		reserve(t, s, "name:"+strconv.Itoa(i), "one", now)
	}
	for i := range accounts {
		if a := attemptsOf(t, s, "name:"+strconv.Itoa(i)); len(a.Failures) != 1 {
			t.Fatalf("account %d has %d pending attempts, want 1", i, len(a.Failures))
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if a := attemptsOf(t, s, "name:"+strconv.Itoa(i)); len(a.Failures) != 1 {
			t.Errorf("account %d has %d pending attempts after a flush, want 1", i, len(a.Failures))
		}
	}
}

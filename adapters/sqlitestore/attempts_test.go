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
	err := s.Guards().HoldAttempts(t.Context(), account, at, func(a *domain.Attempts, _ *domain.Outbox) error {
		a.Reserve(id, "net", attemptPolicy, at)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func attemptsOf(t *testing.T, s *sqlitestore.Store, account string) domain.Attempts {
	t.Helper()
	a, err := s.Guards().GetAttempts(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A reservation touches no disk: the row is there only once somebody was told something, or at the next flush.
func TestReservationsReachTheDiskWithWhatSomebodyIsTold(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	now := time.Now()
	onDisk := func() int {
		n, err := s.Read(t.Context(), "SELECT count(*) FROM attempts")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	reserve(t, s, "jane", "one", now)
	s.Guards().EaseAttempts("jane", now, func(a *domain.Attempts) { a.GiveBack("one") })
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if onDisk() != 0 {
		t.Error("an attempt that was given back has left a row")
	}
	reserve(t, s, "jane", "two", now)
	if onDisk() != 0 {
		t.Error("a reservation has left a row")
	}
	err := s.Guards().UpdateAttempts(t.Context(), "jane", now, func(a *domain.Attempts, _ *domain.Outbox) error {
		a.Fail("two", "net", attemptPolicy, now)
		return nil
	})
	if err != nil || onDisk() != 1 {
		t.Errorf("a failure that was told is in %d rows, %v", onDisk(), err)
	}
}

func TestHeldAttemptsOutliveAnOrderlyEnd(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	s := openStore(t, dir)
	reserve(t, s, "jane", "one", now)
	if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if a := attemptsOf(t, openStore(t, dir), "jane"); len(a.Failures) != 1 || !a.Failures[0].Pending {
		t.Errorf("%d attempts are under way after a restart, want the one", len(a.Failures))
	}
}

// More accounts than stand in memory lose nothing that was told or is under way.
func TestMoreAccountsThanStandInMemoryLoseNothing(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	now := time.Now()
	const accounts = 5000
	for i := range accounts {
		reserve(t, s, "name:"+strconv.Itoa(i), "one", now)
	}
	for i := range accounts {
		if a := attemptsOf(t, s, "name:"+strconv.Itoa(i)); len(a.Failures) != 1 {
			t.Fatalf("account %d has %d attempts under way", i, len(a.Failures))
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if a := attemptsOf(t, s, "name:"+strconv.Itoa(i)); len(a.Failures) != 1 {
			t.Errorf("account %d has %d attempts after a flush", i, len(a.Failures))
		}
	}
}

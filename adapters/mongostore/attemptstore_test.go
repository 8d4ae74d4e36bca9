package mongostore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

func reserve(t *testing.T, s *mongostore.Store, id string) domain.Reservation {
	t.Helper()
	var answer domain.Reservation
	now := newClock().Now()
	err := s.AttemptStore().Update(t.Context(), "user:1", now, func(a *domain.Attempts, _ *domain.Outbox) error {
		answer, _ = a.Reserve(id, "net", domain.DefaultSettings().Lockout, now)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func waitForAttempts(t *testing.T, s *mongostore.Store, want int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		a, err := s.AttemptStore().Get(t.Context(), "user:1")
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Failures) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the other node sees %d pending attempts, want %d", len(a.Failures), want)
		}
	}
}

func TestAttemptsCountAcrossNodes(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	here, there := openOwn(t, server), openOwn(t, server)
	for i := range domain.DefaultSettings().Lockout.MaxAttempts {
		if reserve(t, here, strconv.Itoa(i)) != domain.AttemptGranted {
			t.Fatal("an attempt within the limit was refused")
		}
	}
	if reserve(t, there, "other") == domain.AttemptGranted {
		t.Error("the other node granted more attempts than allowed")
	}
	here.AttemptStore().UpdateAsync("user:1", newClock().Now(), func(a *domain.Attempts) { a.Release("0") })
	waitForAttempts(t, there, domain.DefaultSettings().Lockout.MaxAttempts-1)
	if reserve(t, there, "other") != domain.AttemptGranted {
		t.Error("a released attempt was not granted again")
	}
}

func TestCloseWaitsForAsynchronousUpdates(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	there := openOwn(t, server)
	here, err := mongostore.Open(t.Context(), mongostore.Config{
		URI: server.URI(), Database: server.Database, Clock: newClock(), NoTTL: true, Timeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	reserve(t, here, "one")
	here.AttemptStore().UpdateAsync("user:1", newClock().Now(), func(a *domain.Attempts) { a.Release("one") })
	if err := here.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, err := there.AttemptStore().Get(t.Context(), "user:1"); err != nil || len(a.Failures) != 0 {
		t.Errorf("%d attempts are pending after Close, %v; want none", len(a.Failures), err)
	}
}

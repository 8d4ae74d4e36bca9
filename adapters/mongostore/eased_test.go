package mongostore_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongowire"
)

func reserve(t *testing.T, s *mongostore.Store, id string) domain.Reservation {
	t.Helper()
	var answer domain.Reservation
	now := newClock().Now()
	err := s.Guards().HoldAttempts(t.Context(), "user:1", now, func(a *domain.Attempts, _ *domain.Outbox) error {
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
		a, err := s.Guards().GetAttempts(t.Context(), "user:1")
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Failures) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the other node sees %d attempts under way, want %d", len(a.Failures), want)
		}
	}
}

func TestA03_AttemptsHeldHereCountThereAndAreGivenBackThere(t *testing.T) {
	t.Parallel()
	server := mongowire.Start(t)
	here, there := openOwn(t, server), openOwn(t, server)
	for i := range domain.DefaultSettings().Lockout.MaxAttempts {
		if reserve(t, here, strconv.Itoa(i)) != domain.AttemptGranted {
			t.Fatal("an attempt within the limit was not granted")
		}
	}
	if reserve(t, there, "other") == domain.AttemptGranted {
		t.Error("the other node grants more attempts than allowed")
	}
	here.Guards().EaseAttempts("user:1", newClock().Now(), func(a *domain.Attempts) { a.GiveBack("0") })
	waitForAttempts(t, there, domain.DefaultSettings().Lockout.MaxAttempts-1)
	if reserve(t, there, "other") != domain.AttemptGranted {
		t.Error("a place that was given back is not granted again")
	}
}

func TestWhatWasEasedIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	server := mongowire.Start(t)
	there := openOwn(t, server)
	here, err := mongostore.Open(t.Context(), mongostore.Config{URI: server.URI(), Database: "ostiary", Clock: newClock(), NoTTL: true})
	if err != nil {
		t.Fatal(err)
	}
	reserve(t, here, "one")
	here.Guards().EaseAttempts("user:1", newClock().Now(), func(a *domain.Attempts) { a.GiveBack("one") })
	if err := here.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, err := there.Guards().GetAttempts(t.Context(), "user:1"); err != nil || len(a.Failures) != 0 {
		t.Errorf("%d attempts are left under way, %v", len(a.Failures), err)
	}
}

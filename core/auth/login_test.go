package auth_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

const (
	right = "Correct-horse-7"
	home  = "192.0.2.1"
	away  = "198.51.100.9"
)

func login(t *testing.T, s *kit.Services, name, password, address string) error {
	t.Helper()
	_, err := s.Auth.Login(t.Context(), kit.From(address), auth.LoginInput{Name: name, Password: password})
	return err
}

func TestLoginDoesNotRevealWhetherUserExists(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	deactivated := s.Register(t, "deactivated", right, "user")
	if _, err := s.Account.Deactivate(t.Context(), domain.Operator(), deactivated.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Access.CreateRole(t.Context(), domain.Operator(), accessRole("spare")); err != nil {
		t.Fatal(err)
	}
	for name, password := range map[string]string{"ada": "wrong-Horse-7", "nobody": right, "deactivated": right} {
		err := login(t, s, name, password, home)
		if !errors.Is(err, fault.ErrUnauthorized) || fault.Of(err).Message != "Invalid credentials" ||
			len(fault.Of(err).Extra()) > 0 {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if got := len(s.Logged(t, domain.ActionLoginFailed)); got != 3 {
		t.Errorf("%d audit entries for three failed logins", got)
	}
}

func TestLoginAcceptsEverySpelling(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "Žofie", right, "user")
	for _, name := range []string{"Žofie", "žofie", "ŽOFIE", " žofie ", "Žofie@example.com", "žofie@EXAMPLE.com"} {
		if err := login(t, s, name, right, home); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAllSpellingsShareOneAttemptCounter(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "john", right, "user")
	for _, name := range []string{"John", "JOHN", "john@example.com", " john", "John@Example.com"} {
		if err := login(t, s, name, "wrong-Horse-7", home); !errors.Is(err, fault.ErrUnauthorized) {
			t.Fatalf("%q: %v", name, err)
		}
	}
	err := login(t, s, "john", right, home)
	if !errors.Is(err, domain.ErrAccountLocked) || fault.Of(err).Extra()["locked_until"] != "2026-03-02T12:30:00Z" {
		t.Errorf("correct password after five failures: %v", err)
	}
	if err := login(t, s, "john", right, away); err != nil {
		t.Errorf("another source: %v", err)
	}
	s.Clock.Forward(31 * time.Minute)
	if err := login(t, s, "john", right, home); err != nil {
		t.Errorf("after the lock: %v", err)
	}
	if got := len(s.Logged(t, domain.ActionAccountLocked)); got != 1 {
		t.Errorf("%d audit entries for one lock", got)
	}
}

func TestUnknownNamesAreLockedToo(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	for range 5 {
		if err := login(t, s, "phantom", "wrong-Horse-7", home); !errors.Is(err, fault.ErrUnauthorized) {
			t.Fatal(err)
		}
	}
	if err := login(t, s, "Phantom", "wrong-Horse-7", home); !errors.Is(err, domain.ErrAccountLocked) {
		t.Errorf("got %v, want locked", err)
	}
}

func TestConcurrentAttemptsGetNoMoreChecks(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	var checked, refused int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			err := login(t, s, "ada", "wrong-Horse-7", home)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, fault.ErrUnauthorized):
				checked++
			case errors.Is(err, domain.ErrAccountLocked), errors.Is(err, fault.ErrOverloaded):
				refused++
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if checked != 5 || refused != 35 {
		t.Errorf("%d attempts were verified and %d refused, want 5 and 35", checked, refused)
	}
}

func TestConcurrentCorrectLoginsAllSucceed(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := login(t, s, "ada", right, home); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
}

func TestLoginsOfAnAddressAreRateLimited(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{LoginRate: domain.Rate{Limit: 5, Window: time.Minute}})
	s.Register(t, "ada", right, "user")
	for i := range 5 {
		in, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: "ada", Password: right})
		if err != nil || in.Rate.Limit != 5 || in.Rate.Remaining != 4-i {
			t.Fatalf("login %d: %+v, %v", i, in.Rate, err)
		}
	}
	in, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: "ada", Password: right})
	if !errors.Is(err, fault.ErrRateLimited) || fault.Of(err).RetryAfter() != time.Minute || in.Rate.Allowed {
		t.Errorf("the sixth: %+v, %v", in.Rate, err)
	}
	if err := login(t, s, "ada", right, away); err != nil {
		t.Errorf("another address: %v", err)
	}
	s.Clock.Forward(time.Minute)
	if err := login(t, s, "ada", right, home); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestLoginWithExpiredPasswordReturnsChangeToken(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	s.Clock.Forward(90 * 24 * time.Hour)
	err := login(t, s, "ada", right, home)
	token, _ := fault.Of(err).Extra()["change_token"].(string)
	if !errors.Is(err, domain.ErrPasswordExpired) || token == "" {
		t.Fatalf("expired password: %v", err)
	}
	if err := s.Account.Reset(t.Context(), kit.From(home), token, "Another-horse-8"); err != nil {
		t.Fatal(err)
	}
	if err := s.Account.Reset(t.Context(), kit.From(home), token, "Another-horse-9"); !errors.Is(err,
		domain.ErrInvalidToken) {
		t.Errorf("the token worked twice: %v", err)
	}
	if err := login(t, s, "ada", "Another-horse-8", home); err != nil {
		t.Error(err)
	}
}

func TestBadLoginInput(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	long := string(make([]byte, 1025))
	for name, in := range map[string]auth.LoginInput{
		"no name": {Password: right}, "no password": {Name: "ada"}, "1,025 bytes": {Name: "ada", Password: long},
		"a name of 400": {Name: long[:400], Password: right},
	} {
		if _, err := s.Auth.Login(t.Context(), kit.From(home), in); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

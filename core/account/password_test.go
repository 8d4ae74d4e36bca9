package account_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

func role(id string, permissions ...string) access.RoleInput {
	return access.RoleInput{ID: id, Name: id, Permissions: permissions}
}

func roleLess() access.RolePatch { return access.RolePatch{Permissions: &[]string{"bots.manage"}} }

func keyInput() apikey.CreateInput {
	return apikey.CreateInput{Name: "test", Permissions: []string{"bots.use"}}
}

func secretOf(made apikey.Created) string { return made.Text }

func change(t *testing.T, s *kit.Services, by domain.Principal, current, next string) error {
	t.Helper()
	return s.Account.ChangePassword(t.Context(), by, by.UserID, account.PasswordChange{Current: current, Next: next})
}

func TestA13_ChangeEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	other, _ := s.SignIn(t, "ada", right, home)
	this, by := s.SignIn(t, "ada", right, home)
	if err := change(t, s, by, right, "Another-horse-8"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Auth.Authenticate(t.Context(), other.Tokens.Access, by.Origin); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("another session: %v", err)
	}
	if _, err := s.Auth.Refresh(t.Context(), kit.From(home), other.Tokens.Refresh); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("another session's refresh token: %v", err)
	}
	if _, err := s.Auth.Authenticate(t.Context(), this.Tokens.Access, by.Origin); err != nil {
		t.Errorf("this session: %v", err)
	}
	if letters := s.Letters(t); len(letters) != 1 {
		t.Errorf("the user was told by %d letters", len(letters))
	}
	s.SignIn(t, "ada", "Another-horse-8", home)
}

func TestA12_WrongCurrentPasswordsCount(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	_, by := s.SignIn(t, "ada", right, home)
	for range 5 {
		if err := change(t, s, by, "wrong-Horse-7", "Another-horse-8"); !errors.Is(err, domain.ErrCurrentPassword) {
			t.Fatal(err)
		}
	}
	if err := change(t, s, by, right, "Another-horse-8"); !errors.Is(err, domain.ErrAccountLocked) {
		t.Errorf("a change after five: %v", err)
	}
	_, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: "ada", Password: right})
	if !errors.Is(err, domain.ErrAccountLocked) {
		t.Errorf("a login after five: %v", err)
	}
	if err := s.Account.Unlock(t.Context(), domain.Operator(), by.UserID); err != nil {
		t.Fatal(err)
	}
	if err := change(t, s, by, right, "Another-horse-8"); err != nil {
		t.Errorf("unlocked: %v", err)
	}
}

func TestA14_HistoryHoldsTheLastOnes(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	_, by := s.SignIn(t, "ada", right, home)
	passwords := []string{right, "Second-horse-8", "Third-horse-9", "Fourth-horse-10", "Fifth-horse-11"}
	for i, next := range passwords[1:] {
		if err := change(t, s, by, passwords[i], next); err != nil {
			t.Fatalf("%s: %v", next, err)
		}
	}
	for _, used := range passwords {
		if err := change(t, s, by, passwords[4], used); !errors.Is(err, domain.ErrPasswordPolicy) {
			t.Errorf("%s again: %v", used, err)
		}
	}
	if err := change(t, s, by, passwords[4], "Sixth-horse-12"); err != nil {
		t.Fatal(err)
	}
	if err := change(t, s, by, "Sixth-horse-12", right); err != nil {
		t.Errorf("the sixth back: %v", err)
	}
}

func TestA10_KnownAndOwnWordsAreRefused(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	for _, weak := range []string{"Password1234!", "johndoe2024!X", "Ostiary-2026!", "Qwerty123456!"} {
		_, err := s.Account.Create(t.Context(), domain.Operator(), account.NewUser{Username: "johndoe", Email: "jd@example.com", Password: weak})
		if !errors.Is(err, domain.ErrPasswordPolicy) {
			t.Errorf("%s: %v", weak, err)
		}
	}
}

func TestR06_ResetRequestsAreLimitedForAnyAddress(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{ResetRate: domain.Rate{Limit: 3, Window: time.Hour}})
	s.Register(t, "ada", right, "user")
	for _, address := range []string{"ada@example.com", "nobody@example.com"} {
		for range 3 {
			if _, err := s.Account.RequestReset(t.Context(), kit.From(home), address); err != nil {
				t.Fatal(err)
			}
		}
		state, err := s.Account.RequestReset(t.Context(), kit.From(home), address)
		if !errors.Is(err, fault.ErrRateLimited) || state.Limit != 3 {
			t.Errorf("%s: the fourth: %v", address, err)
		}
	}
	if _, err := s.Account.RequestReset(t.Context(), kit.From(home), "ADA@Example.com"); !errors.Is(err, fault.ErrRateLimited) {
		t.Errorf("another spelling: %v", err)
	}
	letters := s.Letters(t)
	if len(letters) != 3 {
		t.Errorf("%d letters, want three", len(letters))
	}
	if err := s.Account.Reset(t.Context(), kit.From(home), token(t, letters, "ada@example.com"), "Another-horse-8"); err != nil {
		t.Errorf("C21: the last token must stay usable: %v", err)
	}
	if got := len(s.Logged(t, domain.ActionPasswordResetRequest)); got != 4 {
		t.Errorf("%d entries of three requests for a user and three refusals of one kind, want 4", got)
	}
}

func TestR04_AResetTokenWorksOnceUnderARace(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	if _, err := s.Account.RequestReset(t.Context(), kit.From(home), "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	text := token(t, s.Letters(t), "ada@example.com")
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			err := s.Account.Reset(t.Context(), kit.From(home), text, "Another-horse-8")
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, domain.ErrInvalidToken):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || len(s.Logged(t, domain.ActionPasswordReset)) != 1 {
		t.Errorf("%d uses won", won.Load())
	}
}

func TestR03_ResetTokensDieWithWhatTheyWereFor(t *testing.T) {
	t.Parallel()
	request := func(t *testing.T, s *kit.Services) string {
		t.Helper()
		if _, err := s.Account.RequestReset(t.Context(), kit.From(home), "ada@example.com"); err != nil {
			t.Fatal(err)
		}
		return token(t, s.Letters(t), "ada@example.com")
	}
	tests := map[string]func(t *testing.T, s *kit.Services, by domain.Principal){
		"by half an hour": func(_ *testing.T, s *kit.Services, _ domain.Principal) { s.Clock.Forward(30 * time.Minute) },
		"by another request": func(t *testing.T, s *kit.Services, _ domain.Principal) {
			t.Helper()
			request(t, s)
		},
		"by a change of the password": func(t *testing.T, s *kit.Services, by domain.Principal) {
			t.Helper()
			if err := change(t, s, by, right, "Another-horse-8"); err != nil {
				t.Fatal(err)
			}
		},
		"by a change of the address": func(t *testing.T, s *kit.Services, by domain.Principal) {
			t.Helper()
			if _, err := s.Account.Update(t.Context(), domain.Operator(), by.UserID, account.Patch{Email: new("new@example.com")}); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			s.Register(t, "ada", right, "user")
			_, by := s.SignIn(t, "ada", right, home)
			text := request(t, s)
			end(t, s, by)
			if err := s.Account.Reset(t.Context(), kit.From(home), text, "Third-horse-99"); !errors.Is(err, domain.ErrInvalidToken) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSetPasswordByAnAdministrator(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	in, by := s.SignIn(t, "ada", right, home)
	if err := s.Account.SetPassword(t.Context(), domain.Operator(), by.UserID, "Another-horse-8"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Auth.Authenticate(t.Context(), in.Tokens.Access, by.Origin); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("the session: %v", err)
	}
	if len(s.Letters(t)) != 1 {
		t.Error("the user was not told")
	}
	s.SignIn(t, "ada", "Another-horse-8", home)
}

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

func TestPasswordChangeEndsOtherSessions(t *testing.T) {
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
	if _, err := s.Auth.Refresh(t.Context(), kit.From(home), other.Tokens.Refresh); !errors.Is(err,
		fault.ErrUnauthorized) {
		t.Errorf("another session's refresh token: %v", err)
	}
	if _, err := s.Auth.Authenticate(t.Context(), this.Tokens.Access, by.Origin); err != nil {
		t.Errorf("this session: %v", err)
	}
	if messages := s.SentEmails(t); len(messages) != 1 {
		t.Errorf("the user got %d messages, want 1", len(messages))
	}
	s.SignIn(t, "ada", "Another-horse-8", home)
}

func TestWrongCurrentPasswordsCountAsAttempts(t *testing.T) {
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
		t.Errorf("a change after five failures: %v", err)
	}
	_, err := s.Auth.Login(t.Context(), kit.From(home), auth.LoginInput{Name: "ada", Password: right})
	if !errors.Is(err, domain.ErrAccountLocked) {
		t.Errorf("a login after five failures: %v", err)
	}
	if err := s.Account.Unlock(t.Context(), domain.Operator(), by.UserID); err != nil {
		t.Fatal(err)
	}
	if err := change(t, s, by, right, "Another-horse-8"); err != nil {
		t.Errorf("after unlock: %v", err)
	}
}

func TestPasswordHistoryRefusesRecentPasswords(t *testing.T) {
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
		t.Errorf("the password before the history: %v", err)
	}
}

func TestCommonAndPersonalPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	for _, weak := range []string{"Password1234!", "johndoe2024!X", "Ostiary-2026!", "Qwerty123456!"} {
		_, err := s.Account.Create(t.Context(), domain.Operator(),
			account.NewUser{Username: "johndoe", Email: "jd@example.com", Password: weak})
		if !errors.Is(err, domain.ErrPasswordPolicy) {
			t.Errorf("%s: %v", weak, err)
		}
	}
}

func TestResetRequestsAreRateLimitedPerAddress(t *testing.T) {
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
			t.Errorf("%s: fourth request: %v", address, err)
		}
	}
	if _, err := s.Account.RequestReset(t.Context(), kit.From(home), "ADA@Example.com"); !errors.Is(err,
		fault.ErrRateLimited) {
		t.Errorf("another spelling: %v", err)
	}
	messages := s.SentEmails(t)
	if len(messages) != 3 {
		t.Errorf("%d messages, want 3", len(messages))
	}
	if err := s.Account.Reset(t.Context(), kit.From(home), token(t, messages, "ada@example.com"),
		"Another-horse-8"); err != nil {
		t.Errorf("the last token must stay usable: %v", err)
	}
	if got := len(s.Logged(t, domain.ActionPasswordResetRequest)); got != 4 {
		t.Errorf("%d audit entries for three requests of a user and three refusals of one kind, want 4", got)
	}
}

func TestResetTokenWorksOnceConcurrently(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", right, "user")
	if _, err := s.Account.RequestReset(t.Context(), kit.From(home), "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	text := token(t, s.SentEmails(t), "ada@example.com")
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
		t.Errorf("%d uses succeeded, want 1", won.Load())
	}
}

func TestResetTokensAreInvalidated(t *testing.T) {
	t.Parallel()
	request := func(t *testing.T, s *kit.Services) string {
		t.Helper()
		if _, err := s.Account.RequestReset(t.Context(), kit.From(home), "ada@example.com"); err != nil {
			t.Fatal(err)
		}
		return token(t, s.SentEmails(t), "ada@example.com")
	}
	tests := map[string]func(t *testing.T, s *kit.Services, by domain.Principal){
		"by expiry": func(_ *testing.T, s *kit.Services, _ domain.Principal) { s.Clock.Forward(30 * time.Minute) },
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
		"by a change of the email": func(t *testing.T, s *kit.Services, by domain.Principal) {
			t.Helper()
			if _, err := s.Account.Update(t.Context(), domain.Operator(), by.UserID,
				account.Patch{Email: new("new@example.com")}); err != nil {
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
			if err := s.Account.Reset(t.Context(), kit.From(home), text, "Third-horse-99"); !errors.Is(err,
				domain.ErrInvalidToken) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSetPasswordByAdministrator(t *testing.T) {
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
	if len(s.SentEmails(t)) != 1 {
		t.Error("the user was not notified")
	}
	s.SignIn(t, "ada", "Another-horse-8", home)
}

func TestReplacePasswordIsForOthersAndChecksTheCurrentOne(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", "Correct-Horse-7-Battery", "admin")
	bob := s.Register(t, "bob", "Correct-Horse-7-Battery", "user")
	_, admin := s.SignIn(t, "ada", "Correct-Horse-7-Battery", "192.0.2.1")
	key := admin
	key.Kind, key.KeyID, key.SessionID = domain.PrincipalAPIKey, "key_1", ""
	change := account.PasswordChange{Next: "Another-horse-8"}
	if err := s.Account.ReplacePassword(t.Context(), key, admin.UserID, change); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("an API key that replaces its owner's password: %v", err)
	}
	for what, test := range map[string]struct {
		id   domain.UserID
		in   account.PasswordChange
		want error
	}{
		"one's own": {admin.UserID, account.PasswordChange{Next: "Another-horse-8"}, fault.ErrForbidden},
		"with a wrong current one": {
			bob.ID,
			account.PasswordChange{Current: "wrong", Next: "Another-horse-8"},
			domain.ErrCurrentPassword,
		},
	} {
		if err := s.Account.ReplacePassword(t.Context(), admin, test.id, test.in); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
	}
	change = account.PasswordChange{Current: "Correct-Horse-7-Battery", Next: "Another-horse-8"}
	if err := s.Account.ReplacePassword(t.Context(), admin, bob.ID, change); err != nil {
		t.Fatal(err)
	}
	s.SignIn(t, "bob", "Another-horse-8", "192.0.2.1")
}

package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

func TestNewInstallationHasNoDefaultAccount(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	for _, password := range []string{"admin", "root", "ostiary", "administrator", "sudo", "password", ""} {
		_, err := s.Auth.Login(t.Context(), kit.From("203.0.113.9"), auth.LoginInput{Name: "admin", Password: password})
		if !errors.Is(err, fault.ErrUnauthorized) && !errors.Is(err, fault.ErrInvalid) &&
			!errors.Is(err, domain.ErrAccountLocked) {
			t.Errorf("admin with %q: %v", password, err)
		}
	}
	token, err := s.Account.NewSetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := account.NewUser{Username: "first", Email: "first@example.com", Password: "Correct-Horse-7-Battery"}
	if _, err := s.Account.Setup(t.Context(), kit.From("203.0.113.9"), token, first); err != nil {
		t.Fatal(err)
	}
	// Setup is no longer possible, neither with the same token nor with another.
	next, err := s.Account.NewSetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := account.NewUser{Username: "second", Email: "second@example.com", Password: "Correct-Horse-7-Battery"}
	for _, used := range []string{token, next} {
		s.Clock.Forward(2 * time.Minute)
		if _, err := s.Account.Setup(t.Context(), kit.From("203.0.113.9"), used, second); !errors.Is(err,
			domain.ErrInvalidToken) {
			t.Errorf("setup after the first user: %v, want %v", err, domain.ErrInvalidToken)
		}
	}
}

func TestResetRequestHasSameResponseForEveryAddress(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{ResetRate: domain.Rate{Limit: 3, Window: time.Hour}})
	s.Register(t, "root", "Correct-Horse-7-Battery", "admin")
	s.Register(t, "known", "Correct-Horse-7-Battery", "user")
	deactivated := s.Register(t, "deactivated", "Correct-Horse-7-Battery", "user")
	if _, err := s.Account.Deactivate(t.Context(), domain.Operator(), deactivated.ID); err != nil {
		t.Fatal(err)
	}
	s.SentEmails(t)
	var first domain.RateState
	for i, address := range []string{"known@example.com", "deactivated@example.com", "nobody@example.com"} {
		state, err := s.Account.RequestReset(t.Context(), kit.From("203.0.113.9"), address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if i == 0 {
			first = state
		}
		if state != first {
			t.Errorf("%s: state %+v, want the same as the first, %+v", address, state, first)
		}
	}
	messages := s.SentEmails(t)
	if len(messages) != 1 || messages[0].To != "known@example.com" {
		t.Errorf("%d messages are queued, want one to the active user", len(messages))
	}
}

func TestSearchTermIsLiteralAndBounded(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "root", "Correct-Horse-7-Battery", "admin")
	_, admin := s.SignIn(t, "root", "Correct-Horse-7-Battery", "198.51.100.1")
	for _, term := range []string{
		"(a+)+$", ".*", "%", "_", "r_ot", "r%t", `"`, `root" OR "a`, "NEAR(root)", "root*", `\`,
		"'; --", "[a-z]",
	} {
		page, err := s.Account.List(t.Context(), admin, account.Filter{Search: term, Page: domain.Page{Number: 1, Limit: 20}})
		if err != nil {
			t.Errorf("%q: %v", term, err)
		}
		if len(page.Users) != 0 {
			t.Errorf("%q finds %d users: it was interpreted as a pattern", term, len(page.Users))
		}
	}
	for _, term := range []string{strings.Repeat("a", 255), strings.Repeat("a", 10_000), "ro\x00ot"} {
		_, err := s.Account.List(t.Context(), admin, account.Filter{Search: term, Page: domain.Page{Number: 1, Limit: 20}})
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("a term of %d characters: %v, want %v", len(term), err, fault.ErrInvalid)
		}
	}
}

package sso_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

const (
	password = "Correct-horse-7-battery"
	address  = "mallory@example.org" // the email that the provider returns
)

// victim creates a user of the built-in directory with the email that the provider returns, verified or not.
func (r *rig) victim(t *testing.T, role string, verified bool) domain.UserID {
	t.Helper()
	made := r.Register(t, "victim", password, role)
	_, err := r.Store.Users().Update(t.Context(), made.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Email, u.EmailKey, u.EmailVerified = address, address, verified
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

func TestEmailAloneDoesNotLinkAccount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trusted, there, here bool
		role                 string
		linked               bool
	}{
		"trusted, verified on both sides":         {true, true, true, "user", true},
		"not trusted":                             {false, true, true, "user", false},
		"not verified there":                      {true, false, true, "user", false},
		"not verified here":                       {true, true, false, "user", false},
		"an administrator":                        {true, true, true, "admin", false},
		"a holder of one administrative grant":    {true, true, true, "auditor", false},
		"not verified anywhere":                   {true, false, false, "user", false},
		"neither trusted nor verified nor usual":  {false, false, false, "admin", false},
		"trusted, and the account has other role": {true, true, true, "guest", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(s *oidcdir.Settings) { s.Trusted = test.trusted })
			r.claims(func(c map[string]any) { c["email_verified"] = test.there })
			victim := r.victim(t, test.role, test.here)
			got := r.signIn(t).User
			if (got.ID == victim) != test.linked {
				t.Fatalf("logged in as %s, the existing account is %s", got.ID, victim)
			}
			after, err := r.Store.Users().Get(t.Context(), victim)
			if err != nil {
				t.Fatal(err)
			}
			directory := map[bool]domain.DirectoryID{true: "corp", false: "local"}[test.linked]
			if after.Directory != directory || (after.Password == nil) != test.linked || string(after.Role) != test.role {
				t.Errorf("account: directory %s, role %s", after.Directory, after.Role)
			}
			if !test.linked && (got.EmailKey == address || got.Role != domain.RoleUser) {
				t.Errorf("new user: email %q, role %s", got.Email, got.Role)
			}
		})
	}
}

func TestUsernameEqualToEmailIsNotLinked(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *oidcdir.Settings) { s.Trusted = true })
	made := r.Register(t, "carol", password, "user")
	_, err := r.Store.Users().Update(t.Context(), made.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Username, u.UsernameKey, u.EmailVerified = address, address, true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.signIn(t).User; got.ID == made.ID {
		t.Error("logged in as a user whose username is the email")
	}
}

func TestLinkingByEmailEndsPasswordSessions(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *oidcdir.Settings) { s.Trusted = true })
	victim := r.victim(t, "user", true)
	before, _ := r.SignIn(t, "victim", password, "192.0.2.9")
	if got := r.signIn(t).User; got.ID != victim {
		t.Fatal("was not linked")
	}
	if r.isLive(t, before) {
		t.Error("a session from before the link is still live")
	}
	entries := r.Logged(t, domain.ActionUserUpdate)
	if len(entries) == 0 || entries[len(entries)-1].Details["linked_by"] != "verified_email" {
		t.Errorf("audit entries %v", entries)
	}
}

func TestDirectoryUserIsNeverLinkedToAnotherDirectory(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *oidcdir.Settings) { s.Trusted = true })
	first := r.signIn(t).User
	r.claims(func(c map[string]any) { c["sub"] = "u2" })
	if second := r.signIn(t).User; second.ID == first.ID {
		t.Error("another subject with the same address became the same user")
	}
}

// link performs a linking by the principal and returns the code that the client got.
func (r *rig) link(t *testing.T, by domain.Principal) (string, error) {
	t.Helper()
	started, err := r.SSO.StartLink(t.Context(), by, startInput())
	if err != nil {
		return "", err
	}
	r.secrets[started.State] = started.Secret
	return r.back(t, r.answer(t, started)).Code, nil
}

func TestUserLinksOwnAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(s *oidcdir.Settings) { s.JustInTime = false })
	made := r.Register(t, "carol", password, "user")
	_, carol := r.SignIn(t, "carol", password, "192.0.2.9")
	code, err := r.link(t, carol)
	if err != nil {
		t.Fatal(err)
	}
	signedIn, err := r.exchange(t, code)
	if err != nil || signedIn.User.ID != made.ID {
		t.Fatalf("signed in as %s: %v", signedIn.User.ID, err)
	}
	if again := r.signIn(t); again.User.ID != made.ID {
		t.Errorf("the next login is user %s", again.User.ID)
	}
}

func TestLinkingIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if _, err := r.link(t, someone()); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("anonymous: %v", err)
	}
	r.Register(t, "root", password, "admin")
	_, root := r.SignIn(t, "root", password, "192.0.2.9")
	if _, err := r.link(t, root); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("an administrator: %v", err)
	}
	owner := r.signIn(t)
	p, err := r.Auth.Authenticate(t.Context(), owner.Tokens.Access, someone().Origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.link(t, p); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a user of a provider: %v", err)
	}
	r.Register(t, "carol", password, "user")
	_, carol := r.SignIn(t, "carol", password, "192.0.2.9")
	if code, err := r.link(t, carol); code != "" || err != nil {
		t.Errorf("an identity of another account: %q, %v", code, err)
	}
	if got := r.reasons(t); got[0] != "the identity belongs to another account" {
		t.Errorf("audit reasons %q", got)
	}
	r.Clock.Forward(11 * time.Minute)
	if _, err := r.link(t, carol); !errors.Is(err, domain.ErrReauthentication) {
		t.Errorf("eleven minutes later: %v", err)
	}
}

func TestExpectedUserIsActivatedByVerifiedEmail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		directory domain.DirectoryID
		email     string
		role      string
		verified  bool
		trusted   bool
		reason    string // empty if the login succeeds
	}{
		"expected":                     {"corp", address, "user", true, true, ""},
		"at an untrusted provider":     {"corp", address, "user", true, false, "not_provisioned"},
		"with an unverified email":     {"corp", address, "user", false, true, "not_provisioned"},
		"with another email":           {"corp", "other@example.org", "user", true, true, "not_provisioned"},
		"expected at another provider": {"other", address, "user", true, true, "not_provisioned"},
		"as an administrator":          {"corp", address, "admin", true, true, "administrative permissions is never linked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(s *oidcdir.Settings) { s.JustInTime, s.Trusted = false, test.trusted })
			r.claims(func(c map[string]any) { c["email_verified"] = test.verified })
			made, err := r.Account.Create(t.Context(), domain.Operator(), account.NewUser{
				Username: "expected", Email: test.email, Directory: test.directory, Role: test.role,
			})
			if err != nil {
				t.Fatal(err)
			}
			if test.reason != "" {
				returned := r.back(t, r.answer(t, r.start(t, startInput())))
				if got := r.reasons(t); returned.Err == nil || len(got) != 1 || !strings.Contains(got[0], test.reason) {
					t.Errorf("the client got %+v, audit reasons %q", returned, got)
				}
				return
			}
			first, second := r.signIn(t), r.signIn(t)
			if first.User.ID != made.ID || second.User.ID != made.ID || first.User.Status != domain.StatusActive ||
				!first.User.EmailVerified {
				t.Errorf("logged in as %s, want %s", first.User.ID, made.ID)
			}
			if got := r.Logged(t, domain.ActionUserActivate); len(got) != 1 {
				t.Errorf("audit entries %v", got)
			}
		})
	}
}

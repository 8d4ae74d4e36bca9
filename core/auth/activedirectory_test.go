package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/samba"
	"github.com/ostiary/ostiary/test/kit"
)

// newDomainServices returns services with a real domain controller as their directory "ad".
func newDomainServices(t *testing.T) *kit.Services {
	t.Helper()
	server := samba.Start(t, samba.Options{})
	s := ldapdir.Defaults(ldapdir.TypeActiveDirectory)
	s.URLs, s.CAFile, s.BaseDN, s.Passwords = []string{server.TLSURL}, server.CAFile, samba.Base, ldapdir.PasswordsReset
	s.BindDN, s.BindPassword, s.Suffixes = samba.ServiceDN, samba.Password, []string{
		samba.Realm,
		strings.ToLower(samba.Domain),
	}
	s.Timeouts = ldapdir.Timeouts{Connect: 4 * time.Minute, Request: 5 * time.Minute, Operation: 10 * time.Minute}
	d, err := ldapdir.New("ad", ldapdir.TypeActiveDirectory, s, wallClock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(t.Context()) })
	return kit.Start(t, kit.Options{Directories: []ports.Directory{d}})
}

func TestActiveDirectoryOutcomesMapToErrorCodes(t *testing.T) {
	t.Parallel()
	s := newDomainServices(t)
	tests := map[string]struct {
		name, password, code string
	}{
		"a down-level name":               {`EXAMPLE\alice`, samba.Password, ""},
		"a principal name":                {"alice@" + samba.Realm, samba.Password, ""},
		"a wrong password":                {"bob", "wrong", "unauthorized"},
		"an unknown name":                 {"nobody", samba.Password, "unauthorized"},
		"a password that must be changed": {"mustchange", samba.Password, "password_expired"},
		"an expired password":             {"pwexpired", samba.Password, "password_expired"},
		"a wrong and expired password":    {"pwexpired", "wrong", "unauthorized"},
		"a disabled account":              {"disabled", samba.Password, "unauthorized"},
		"an expired account":              {"accexpired", samba.Password, "unauthorized"},
		"an hour that is not allowed":     {"nohours", samba.Password, "unauthorized"},
		"a workstation not allowed":       {"wks", samba.Password, "unauthorized"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signInto(t, s, tt.name, tt.password)
			if f := fault.Of(err); tt.code == "" && err != nil || tt.code != "" && (f == nil || f.Code != tt.code) {
				t.Errorf("Login: got error %v, want code %q", err, tt.code)
			}
		})
	}
}

// TestActiveDirectoryForcedChange covers "User must change password at next logon", from the refused login to the next
// one.
func TestActiveDirectoryForcedChange(t *testing.T) {
	t.Parallel()
	s := newDomainServices(t)
	from := kit.From("192.0.2.9")
	for _, name := range []string{"mustchange", "pwexpired"} {
		_, err := signInto(t, s, name, samba.Password)
		token, ok := fault.Of(err).Extra()["change_token"].(string)
		if !ok {
			t.Fatalf("%s: no change_token: %v", name, err)
		}
		if name == "mustchange" { // the policy of pwexpired accepts any password
			err := s.Account.Reset(t.Context(), from, token, "short")
			if d := fault.Of(err).Details(); !errors.Is(err, domain.ErrPasswordPolicy) || len(d) != 1 ||
				d[0].Reason != "is too short" {
				t.Errorf("password refused by the domain: %v", err)
			}
		}
		if err := s.Account.Reset(t.Context(), from, token, word); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Account.Reset(t.Context(), from, token, word+"2"); !errors.Is(err, domain.ErrInvalidToken) {
			t.Errorf("%s: second use of the token: %v", name, err)
		}
		if _, err := signInto(t, s, name, word); err != nil {
			t.Errorf("%s with the new password: %v", name, err)
		}
		if _, err := signInto(t, s, name, samba.Password); err == nil {
			t.Errorf("%s: the old password still works", name)
		}
	}
}

func TestActiveDirectoryPasswordRefusalsAreReported(t *testing.T) {
	t.Parallel()
	s := newDomainServices(t)
	signedIn, err := signInto(t, s, "bob", samba.Password)
	if err != nil {
		t.Fatal(err)
	}
	by := s.As(t, signedIn.User)
	for next, reason := range map[string]string{
		"Sh-1": "is too short", "alllowercase": "does not meet the directory's complexity requirements",
		samba.Password: "was used before",
	} {
		err := s.Account.ChangePassword(t.Context(), by, signedIn.User.ID,
			account.PasswordChange{Current: samba.Password, Next: next})
		if d := fault.Of(err).Details(); !errors.Is(err, domain.ErrPasswordPolicy) || len(d) != 1 || d[0].Reason != reason {
			t.Errorf("the reason is %v, want %q", d, reason)
		}
	}
	if err := s.Account.ChangePassword(t.Context(), by, signedIn.User.ID,
		account.PasswordChange{Current: samba.Password, Next: word}); err != nil {
		t.Error(err)
	}
	if _, err := signInto(t, s, "bob", word); err != nil {
		t.Errorf("with the new password: %v", err)
	}
}

package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

const word = "An0ther-Strong-word!"

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// corp returns a directory of a real slapd.
func corp(t *testing.T, id domain.DirectoryID, slapd *openldap.Server, change func(*ldapdir.Settings)) ports.Directory {
	t.Helper()
	s := ldapdir.Defaults(ldapdir.TypeLDAP)
	s.URLs, s.CAFile, s.BaseDN, s.Passwords = []string{slapd.TLSURL}, slapd.CAFile, openldap.Base, ldapdir.PasswordsReset
	s.BindDN, s.BindPassword, s.PasswordPolicy = openldap.AdminDN, openldap.Password, openldap.PolicyDN
	s.Disabled = ldapdir.Disabled{Attribute: "employeeType", Values: []string{"inactive"}}
	s.Timeouts = ldapdir.Timeouts{Connect: 30 * time.Second, Request: time.Minute, Operation: 2 * time.Minute}
	s.Roles = []ldapdir.RoleRule{{Group: "eng", Role: "operator"}}
	if change != nil {
		change(&s)
	}
	d, err := ldapdir.New(id, ldapdir.TypeLDAP, s, wallClock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(t.Context()) })
	return d
}

func signInto(t *testing.T, s *kit.Services, name, password string) (auth.SignedIn, error) {
	t.Helper()
	return s.Auth.Login(t.Context(), kit.From("192.0.2.9"), auth.LoginInput{Name: name, Password: password})
}

func TestDirectoryOutcomesAreTheContractsAnswers(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	tests := map[string]struct {
		name, password, code string
		kind                 fault.Kind
	}{
		"a wrong password":                {"alice", "wrong", "unauthorized", fault.Unauthenticated},
		"an unknown name":                 {"nobody", openldap.Password, "unauthorized", fault.Unauthenticated},
		"a password that must be changed": {"mustchange", openldap.Password, "password_expired", fault.Forbidden},
		"an expired password":             {"expired", openldap.Password, "password_expired", fault.Forbidden},
		"an account locked there":         {"locked", openldap.Password, "account_locked", fault.Locked},
		"an account disabled there":       {"inactive", openldap.Password, "unauthorized", fault.Unauthenticated},
		"a name that two people have":     {"twin", openldap.Password, "unauthorized", fault.Unauthenticated},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signInto(t, s, tt.name, tt.password)
			if f := fault.Of(err); f == nil || f.Code != tt.code || f.Kind != tt.kind {
				t.Errorf("it is %v, want %s", err, tt.code)
			}
		})
	}
}

func TestAPersonOfADirectoryAppearsAtTheFirstLogin(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	first, err := signInto(t, s, "alice", openldap.Password)
	if err != nil {
		t.Fatal(err)
	}
	if u := first.User; u.Directory != "corp" || u.Role != "operator" || u.Email != "alice@example.org" || !u.EmailVerified {
		t.Errorf("the user is of %q, %q with %q", u.Directory, u.Role, u.Email)
	}
	rename := ldap.NewModifyDNRequest(openldap.PersonDN("alice"), "uid=alicia", true, "")
	if err := slapd.Root(t).ModifyDN(rename); err != nil {
		t.Fatal(err)
	}
	renamed, err := signInto(t, s, "alice", openldap.Password) // by the name that they have here, and by their subject there
	if err != nil || renamed.User.ID != first.User.ID {
		t.Errorf("the renamed person is %s, %v; was %s", renamed.User.ID, err, first.User.ID)
	}
	again, err := signInto(t, s, "alicia", openldap.Password)
	if err != nil || again.User.ID != first.User.ID {
		t.Errorf("under the new name it is %s, %v", again.User.ID, err)
	}
	gone := corp(t, "corp", slapd, func(s *ldapdir.Settings) { s.JustInTime = false })
	strict := kit.Start(t, kit.Options{Directories: []ports.Directory{gone}})
	if _, err := signInto(t, strict, "bob", openldap.Password); fault.Of(err).Kind != fault.Unauthenticated {
		t.Errorf("without just-in-time it is %v", err)
	}
	entries := strict.Logged(t, domain.ActionLoginFailed)
	if len(entries) != 1 || entries[0].Details["reason"] != "not_provisioned" || entries[0].Details["cause"] == nil {
		t.Errorf("the entries are %v, want one that says why", entries)
	}
}

func TestTwoDirectoriesNeverShareAnAccount(t *testing.T) {
	t.Parallel()
	one := corp(t, "one", openldap.Start(t, openldap.Options{}), nil)
	two := corp(t, "two", openldap.Start(t, openldap.Options{}), func(s *ldapdir.Settings) { s.Suffixes = []string{"two.example"} })
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{one, two}})
	first, err := signInto(t, s, "alice", openldap.Password)
	if err != nil || first.User.Directory != "one" {
		t.Fatalf("the name alone is of %q, %v", first.User.Directory, err)
	}
	second, err := signInto(t, s, "alice@two.example", openldap.Password)
	if err != nil || second.User.Directory != "two" || second.User.ID == first.User.ID {
		t.Fatalf("with the suffix it is %s of %q, %v", second.User.ID, second.User.Directory, err)
	}
	if first.User.Email != "alice@example.org" || second.User.Email != "" {
		t.Errorf("the address is %q's and %q's", first.User.Email, second.User.Email)
	}
	again, err := signInto(t, s, "alice@two.example", openldap.Password)
	if err != nil || again.User.ID != second.User.ID {
		t.Errorf("a second time it is %s, %v", again.User.ID, err)
	}
}

func TestForcedChangesGoToTheDirectory(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	for _, name := range []string{"mustchange", "expired"} {
		_, err := signInto(t, s, name, openldap.Password)
		token, ok := fault.Of(err).Extra()["change_token"].(string)
		if !ok {
			t.Fatalf("%s gets no token: %v", name, err)
		}
		if err := s.Account.Reset(t.Context(), kit.From("192.0.2.9"), token, "short"); !errors.Is(err, domain.ErrPasswordPolicy) {
			t.Errorf("%s: a password that the directory refuses: %v", name, err)
		}
		if err := s.Account.Reset(t.Context(), kit.From("192.0.2.9"), token, word); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := signInto(t, s, name, word); err != nil {
			t.Errorf("%s with the new password: %v", name, err)
		}
		if _, err := signInto(t, s, name, openldap.Password); err == nil {
			t.Errorf("%s with the old password is let in", name)
		}
	}
}

func TestAForcedChangeThatTheDirectoryTakesNotFromUs(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	d := corp(t, "corp", slapd, func(s *ldapdir.Settings) { s.Passwords = ldapdir.PasswordsChange })
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{d}})
	_, err := signInto(t, s, "mustchange", openldap.Password)
	if _, given := fault.Of(err).Extra()["change_token"]; !errors.Is(err, domain.ErrPasswordExpired) || given {
		t.Errorf("it is %v, with a token: %v", err, given)
	}
}

func TestPasswordsOfDirectoryUsers(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	signedIn, err := signInto(t, s, "bob", openldap.Password)
	if err != nil {
		t.Fatal(err)
	}
	by := s.As(t, signedIn.User)
	change := func(current, next string) error {
		return s.Account.ChangePassword(t.Context(), by, signedIn.User.ID, account.PasswordChange{Current: current, Next: next})
	}
	if err := change("wrong", word); !errors.Is(err, domain.ErrCurrentPassword) {
		t.Errorf("with a wrong present one it is %v", err)
	}
	refused := change(openldap.Password, "short")
	if details := fault.Of(refused).Details(); !errors.Is(refused, domain.ErrPasswordPolicy) || len(details) != 1 || !strings.Contains(details[0].Reason, "quality") {
		t.Errorf("a refused new one is %v", refused)
	}
	if err := change(openldap.Password, word); err != nil {
		t.Fatal(err)
	}
	if u, err := s.Store.Users().Get(t.Context(), signedIn.User.ID); err != nil || len(u.Sessions) != 0 || u.Password != nil {
		t.Errorf("after the change there are %d sessions, and a password of ours: %v, %v", len(u.Sessions), u.Password != nil, err)
	}
	if _, err := signInto(t, s, "bob", word); err != nil {
		t.Errorf("with the new password: %v", err)
	}
}

func TestD07_AnOutageCountsAsNoAttempt(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	proxy := faultproxy.New(t, slapd.Address())
	d := corp(t, "corp", slapd, func(s *ldapdir.Settings) {
		s.URLs, s.AllowPlaintext = []string{"ldap://localhost:" + proxy.Port()}, true
		s.Breaker.Probe = 50 * time.Millisecond
	})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{d}, LoginRate: domain.Rate{}})
	local := s.Register(t, "ada", word, "user")
	if _, err := signInto(t, s, "alice", openldap.Password); err != nil {
		t.Fatal(err)
	}
	proxy.Refuse()
	for range 20 { // more than lock an account
		if _, err := signInto(t, s, "alice", "wrong"); !errors.Is(err, domain.ErrDirectoryUnavailable) {
			t.Fatalf("without its directory a login is %v", err)
		}
	}
	if _, err := signInto(t, s, "somebody", "wrong"); !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("a name that only the directory could know is %v", err)
	}
	if in, err := signInto(t, s, "ada", word); err != nil || in.User.ID != local.ID {
		t.Errorf("a login of another directory is %v", err)
	}
	proxy.Heal()
	deadline := time.Now().Add(time.Minute)
	for {
		_, err := signInto(t, s, "alice", openldap.Password)
		if err == nil {
			return
		}
		if !errors.Is(err, domain.ErrDirectoryUnavailable) || time.Now().After(deadline) {
			t.Fatalf("after the outage a login is %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestD07_AHangingDirectoryKeepsNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	proxy := faultproxy.New(t, slapd.Address())
	d := corp(t, "corp", slapd, func(s *ldapdir.Settings) {
		s.URLs, s.AllowPlaintext, s.Suffixes = []string{"ldap://localhost:" + proxy.Port()}, true, []string{"corp.example"}
		s.Timeouts = ldapdir.Timeouts{Connect: 30 * time.Second, Request: 30 * time.Second, Operation: 30 * time.Second}
	})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{d}})
	s.Register(t, "ada", word, "user")
	signedIn, err := signInto(t, s, "alice", openldap.Password)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Silent.Store(true)
	proxy.Cut()
	over := make(chan error, 50)
	for range cap(over) {
		go func() {
			_, err := s.Auth.Login(t.Context(), kit.From("192.0.2.9"), auth.LoginInput{Name: "bob@corp.example", Password: "x"})
			over <- err
		}()
	}
	for range 10 {
		if _, err := signInto(t, s, "ada", word); err != nil {
			t.Errorf("a login of another directory is %v", err)
		}
	}
	if _, err := s.Auth.Refresh(t.Context(), kit.From("192.0.2.9"), signedIn.Tokens.Refresh); err != nil {
		t.Errorf("a session of the directory that hangs goes on: %v", err)
	}
	select {
	case err := <-over:
		if fault.Of(err).Kind != fault.Locked {
			t.Errorf("a login of the directory that hangs is over: %v", err)
		}
	default:
	}
	proxy.Refuse() // lets those go that hang
	for range cap(over) - 1 {
		<-over
	}
}

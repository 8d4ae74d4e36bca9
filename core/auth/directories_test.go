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

// corp returns a directory backed by a real slapd.
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

func TestDirectoryOutcomesMapToErrorCodes(t *testing.T) {
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
		"a locked account":                {"locked", openldap.Password, "account_locked", fault.Locked},
		"a disabled account":              {"inactive", openldap.Password, "unauthorized", fault.Unauthenticated},
		"a name of two accounts":          {"twin", openldap.Password, "unauthorized", fault.Unauthenticated},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signInto(t, s, tt.name, tt.password)
			if f := fault.Of(err); f == nil || f.Code != tt.code || f.Kind != tt.kind {
				t.Errorf("Login: got error %v, want code %s", err, tt.code)
			}
		})
	}
}

func TestDirectoryUserIsProvisionedAtFirstLogin(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	first, err := signInto(t, s, "alice", openldap.Password)
	if err != nil {
		t.Fatal(err)
	}
	if u := first.User; u.Directory != "corp" || u.Role != "operator" || u.Email != "alice@example.org" ||
		!u.EmailVerified {
		t.Errorf("directory %q, role %q, email %q", u.Directory, u.Role, u.Email)
	}
	rename := ldap.NewModifyDNRequest(openldap.PersonDN("alice"), "uid=alicia", true, "")
	if err := slapd.Root(t).ModifyDN(rename); err != nil {
		t.Fatal(err)
	}
	renamed, err := signInto(t, s, "alice", openldap.Password) // by the stored username and the directory's subject
	if err != nil || renamed.User.ID != first.User.ID {
		t.Errorf("renamed account: got user %s, error %v, want user %s", renamed.User.ID, err, first.User.ID)
	}
	again, err := signInto(t, s, "alicia", openldap.Password)
	if err != nil || again.User.ID != first.User.ID {
		t.Errorf("new name: got user %s, error %v", again.User.ID, err)
	}
	noJIT := corp(t, "corp", slapd, func(s *ldapdir.Settings) { s.JustInTime = false })
	strict := kit.Start(t, kit.Options{Directories: []ports.Directory{noJIT}})
	if _, err := signInto(t, strict, "bob", openldap.Password); fault.Of(err).Kind != fault.Unauthenticated {
		t.Errorf("without just_in_time: got error %v", err)
	}
	entries := strict.Logged(t, domain.ActionLoginFailed)
	if len(entries) != 1 || entries[0].Details["reason"] != "not_provisioned" || entries[0].Details["cause"] == nil {
		t.Errorf("audit entries %v, want one with a cause", entries)
	}
}

func TestDirectoriesNeverShareAnAccount(t *testing.T) {
	t.Parallel()
	one := corp(t, "one", openldap.Start(t, openldap.Options{}), nil)
	two := corp(t, "two", openldap.Start(t, openldap.Options{}),
		func(s *ldapdir.Settings) { s.Suffixes = []string{"two.example"} })
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{one, two}})
	first, err := signInto(t, s, "alice", openldap.Password)
	if err != nil || first.User.Directory != "one" {
		t.Fatalf("name without suffix: directory %q, error %v", first.User.Directory, err)
	}
	second, err := signInto(t, s, "alice@two.example", openldap.Password)
	if err != nil || second.User.Directory != "two" || second.User.ID == first.User.ID {
		t.Fatalf("name with suffix: user %s, directory %q, error %v", second.User.ID, second.User.Directory, err)
	}
	if first.User.Email != "alice@example.org" || second.User.Email != "" {
		t.Errorf("emails %q and %q, want the second one empty", first.User.Email, second.User.Email)
	}
	again, err := signInto(t, s, "alice@two.example", openldap.Password)
	if err != nil || again.User.ID != second.User.ID {
		t.Errorf("second login: user %s, error %v", again.User.ID, err)
	}
}

func TestForcedChangeSetsPasswordInDirectory(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{corp(t, "corp", slapd, nil)}})
	for _, name := range []string{"mustchange", "expired"} {
		_, err := signInto(t, s, name, openldap.Password)
		token, ok := fault.Of(err).Extra()["change_token"].(string)
		if !ok {
			t.Fatalf("%s: no change_token: %v", name, err)
		}
		if err := s.Account.Reset(t.Context(), kit.From("192.0.2.9"), token, "short"); !errors.Is(err,
			domain.ErrPasswordPolicy) {
			t.Errorf("%s: password refused by the directory: %v", name, err)
		}
		if err := s.Account.Reset(t.Context(), kit.From("192.0.2.9"), token, word); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := signInto(t, s, name, word); err != nil {
			t.Errorf("%s with the new password: %v", name, err)
		}
		if _, err := signInto(t, s, name, openldap.Password); err == nil {
			t.Errorf("%s: the old password still works", name)
		}
	}
}

func TestForcedChangeWithoutTokenIfDirectoryRefusesResets(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	d := corp(t, "corp", slapd, func(s *ldapdir.Settings) { s.Passwords = ldapdir.PasswordsChange })
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{d}})
	_, err := signInto(t, s, "mustchange", openldap.Password)
	if _, given := fault.Of(err).Extra()["change_token"]; !errors.Is(err, domain.ErrPasswordExpired) || given {
		t.Errorf("Login: got error %v, change_token present: %v", err, given)
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
		return s.Account.ChangePassword(t.Context(), by, signedIn.User.ID,
			account.PasswordChange{Current: current, Next: next})
	}
	if err := change("wrong", word); !errors.Is(err, domain.ErrCurrentPassword) {
		t.Errorf("wrong current password: got error %v", err)
	}
	refused := change(openldap.Password, "short")
	if details := fault.Of(refused).Details(); !errors.Is(refused, domain.ErrPasswordPolicy) || len(details) != 1 ||
		!strings.Contains(details[0].Reason, "quality") {
		t.Errorf("refused new password: got error %v", refused)
	}
	if err := change(openldap.Password, word); err != nil {
		t.Fatal(err)
	}
	if u, err := s.Store.Users().Get(t.Context(), signedIn.User.ID); err != nil || len(u.Sessions) != 0 ||
		u.Password != nil {
		t.Errorf("after the change: %d sessions, local password stored %v, error %v", len(u.Sessions), u.Password != nil, err)
	}
	if _, err := signInto(t, s, "bob", word); err != nil {
		t.Errorf("with the new password: %v", err)
	}
}

func TestDirectoryOutageCountsNoAttempt(t *testing.T) {
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
	for range 20 { // more than the lockout limit
		if _, err := signInto(t, s, "alice", "wrong"); !errors.Is(err, domain.ErrDirectoryUnavailable) {
			t.Fatalf("login during the outage: got error %v, want ErrDirectoryUnavailable", err)
		}
	}
	if _, err := signInto(t, s, "unknown", "wrong"); !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("unknown name during the outage: got error %v, want ErrDirectoryUnavailable", err)
	}
	if in, err := signInto(t, s, "ada", word); err != nil || in.User.ID != local.ID {
		t.Errorf("login in another directory: %v", err)
	}
	proxy.Heal()
	deadline := time.Now().Add(time.Minute)
	for {
		_, err := signInto(t, s, "alice", openldap.Password)
		if err == nil {
			return
		}
		if !errors.Is(err, domain.ErrDirectoryUnavailable) || time.Now().After(deadline) {
			t.Fatalf("login after the outage: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestHungDirectoryDoesNotDelayOtherLogins(t *testing.T) {
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
			t.Errorf("login in another directory: %v", err)
		}
	}
	if _, err := s.Auth.Refresh(t.Context(), kit.From("192.0.2.9"), signedIn.Tokens.Refresh); err != nil {
		t.Errorf("refresh of a session of the hung directory: %v", err)
	}
	select {
	case err := <-over:
		if fault.Of(err).Kind != fault.Locked {
			t.Errorf("login in the hung directory returned: %v", err)
		}
	default:
	}
	proxy.Refuse() // ends the waiting logins
	for range cap(over) - 1 {
		<-over
	}
}

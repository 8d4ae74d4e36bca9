package auth_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
	"github.com/ostiary/ostiary/test/kit"
)

// company is a real server behind the directory "corp", with connections that may change it.
type company struct {
	*kit.Services

	conn     *ldap.Conn
	dn       func(name string) string
	password string
}

func openCompany(t *testing.T, kind string, change func(*ldapdir.Settings)) *company {
	t.Helper()
	return openCompanyAs(t, kind, change, func(d ports.Directory) ports.Directory { return d })
}

// openCompanyAs is openCompany with a directory that wrap returns.
func openCompanyAs(t *testing.T, kind string, change func(*ldapdir.Settings),
	wrap func(ports.Directory) ports.Directory,
) *company {
	t.Helper()
	s := ldapdir.Defaults(kind)
	c := &company{dn: openldap.PersonDN, password: openldap.Password}
	if kind == ldapdir.TypeLDAP {
		slapd := openldap.Start(t, openldap.Options{})
		c.conn = slapd.Root(t)
		s.URLs, s.CAFile, s.BaseDN = []string{slapd.TLSURL}, slapd.CAFile, openldap.Base
		s.BindDN, s.BindPassword, s.PasswordPolicy = openldap.AdminDN, openldap.Password, openldap.PolicyDN
	} else {
		server := samba.Start(t, samba.Options{})
		c.conn, c.password = server.Admin(t), samba.Password
		names := map[string]string{"alice": "Alice Archer", "bob": "Bob, Builder (Jr.) *"}
		c.dn = func(name string) string { return samba.PersonDN(names[name]) }
		s.URLs, s.CAFile, s.BaseDN = []string{server.TLSURL}, server.CAFile, samba.Base
		s.BindDN, s.BindPassword = samba.ServiceDN, samba.Password
	}
	s.Passwords = ldapdir.PasswordsReset
	s.Timeouts = ldapdir.Timeouts{Connect: 4 * time.Minute, Request: 5 * time.Minute, Operation: 10 * time.Minute}
	if change != nil {
		change(&s)
	}
	d, err := ldapdir.New("corp", kind, s, wallClock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(t.Context()) })
	c.Services = kit.Start(t, kit.Options{Directories: []ports.Directory{wrap(d)}, MaxDisablePercent: 100})
	return c
}

func (c *company) modify(t *testing.T, name string, change func(*ldap.ModifyRequest)) {
	t.Helper()
	m := ldap.NewModifyRequest(c.dn(name), nil)
	change(m)
	if err := c.conn.Modify(m); err != nil {
		t.Fatal(err)
	}
}

// signIn signs the person in and returns the user.
func (c *company) signIn(t *testing.T, name string) domain.User {
	t.Helper()
	signedIn, err := signInto(t, c.Services, name, c.password)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c.reload(t, signedIn.User)
}

func (c *company) reload(t *testing.T, u domain.User) domain.User {
	t.Helper()
	got, err := c.Ports.Users.Get(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// synchronize applies the plan and returns the changed fields by username.
func (c *company) synchronize(t *testing.T) map[string]string {
	t.Helper()
	plan, err := c.Directory.Plan(t.Context(), domain.Operator(), "corp", nil)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, step := range plan.Steps {
		if step.Kind == directory.StepUpdate {
			fields[step.Username] = strings.Join(step.Fields, " ")
		}
	}
	result, err := c.Directory.Apply(t.Context(), domain.Operator(), "corp",
		directory.Application{Digest: plan.Digest})
	if err != nil || result.Failed != 0 {
		t.Fatalf("%v, failed: %v", err, result.Failures)
	}
	return fields
}

// occasions are the occasions at which users are updated from a directory.
var occasions = map[string]func(*testing.T, *company){
	"sign-in": func(t *testing.T, c *company) {
		t.Helper()
		c.signIn(t, "bob") // alone: the directory is asked about alice, who has the address here
	},
	"live check": func(t *testing.T, c *company) {
		t.Helper()
		if err := c.Directory.CheckLive(t.Context()); err != nil {
			t.Fatal(err)
		}
	},
	"synchronization": func(t *testing.T, c *company) {
		t.Helper()
		fields := c.synchronize(t)
		if fields["alice"] != "full_name phone_number email" || fields["bob"] != "email" {
			t.Errorf("the plan has %v", fields)
		}
	},
}

func TestWhatDirectoryNoLongerSaysIsGone(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{ldapdir.TypeLDAP, ldapdir.TypeActiveDirectory} {
		for way, update := range occasions {
			t.Run(kind+", "+way, func(t *testing.T) {
				t.Parallel()
				c := openCompany(t, kind, nil)
				alice, bob := c.signIn(t, "alice"), c.signIn(t, "bob")
				if alice.Email != "alice@example.org" || alice.PhoneNumber == "" || alice.FullName == "" {
					t.Fatalf("alice has %q, %q, %q", alice.Email, alice.PhoneNumber, alice.FullName)
				}
				if _, err := c.Account.RequestReset(t.Context(), kit.From("192.0.2.9"), alice.Email); err != nil {
					t.Fatal(err)
				}
				for _, attribute := range []string{"mail", "telephoneNumber", "displayName"} {
					c.modify(t, "alice", func(m *ldap.ModifyRequest) { m.Delete(attribute, nil) })
				}
				c.modify(t, "bob", func(m *ldap.ModifyRequest) { m.Replace("mail", []string{"alice@example.org"}) })
				update(t, c)
				if way == "sign-in" {
					if got := c.reload(t, alice); got.Email != "" || len(got.Tokens) != 0 {
						t.Errorf("after the sign-in of bob, alice has %q and %d reset links", got.Email, len(got.Tokens))
					}
					c.signIn(t, "alice")
				}
				if got := c.reload(t, alice); got.Email != "" || got.EmailVerified || got.PhoneNumber != "" ||
					got.FullName != "" || len(got.Tokens) != 0 {
					t.Errorf("alice has %q (verified %t), %q, %q, %d reset links", got.Email, got.EmailVerified, got.PhoneNumber,
						got.FullName, len(got.Tokens))
				}
				if got := c.reload(t, bob); got.Email != "alice@example.org" || !got.EmailVerified {
					if way == "live check" { // each is checked once, in any order, and bob's turn may have come first
						update(t, c)
						got = c.reload(t, bob)
					}
					if got.Email != "alice@example.org" || !got.EmailVerified {
						t.Errorf("bob has %q, verified %t", got.Email, got.EmailVerified)
					}
				}
			})
		}
	}
}

func TestAddressThatDirectoryGivesToTwoStaysWithItsHolder(t *testing.T) {
	t.Parallel()
	c := openCompany(t, ldapdir.TypeLDAP, nil)
	alice, bob := c.signIn(t, "alice"), c.signIn(t, "bob")
	c.modify(t, "bob", func(m *ldap.ModifyRequest) { m.Replace("mail", []string{"ALICE@example.org"}) })
	c.signIn(t, "bob")
	c.synchronize(t)
	if a, b := c.reload(t, alice), c.reload(t, bob); a.Email != "alice@example.org" || b.Email != "" {
		t.Errorf("alice has %q, bob %q", a.Email, b.Email)
	}
}

// TestAddressOfDirectoryWithoutLookupsStays covers a person who writes another's address into their own entry.
func TestAddressOfDirectoryWithoutLookupsStays(t *testing.T) {
	t.Parallel()
	c := openCompany(t, ldapdir.TypeActiveDirectory, func(s *ldapdir.Settings) {
		s.BindDN, s.BindPassword = "", ""
		s.DirectBind, s.Passwords = []string{`EXAMPLE\{login}`}, ldapdir.PasswordsChange
	})
	alice, bob := c.signIn(t, "alice"), c.signIn(t, "bob")
	c.modify(t, "bob", func(m *ldap.ModifyRequest) { m.Replace("mail", []string{alice.Email}) })
	c.signIn(t, "bob")
	if a, b := c.reload(t, alice), c.reload(t, bob); a.Email != "alice@example.org" || b.Email != "" {
		t.Errorf("alice has %q, bob %q", a.Email, b.Email)
	}
}

func TestSwappedAddressesAreSwapped(t *testing.T) {
	t.Parallel()
	c := openCompany(t, ldapdir.TypeLDAP, nil)
	alice, bob := c.signIn(t, "alice"), c.signIn(t, "bob")
	c.modify(t, "alice", func(m *ldap.ModifyRequest) { m.Replace("mail", []string{"bob@example.org"}) })
	c.modify(t, "bob", func(m *ldap.ModifyRequest) { m.Replace("mail", []string{"alice@example.org"}) })
	if fields := c.synchronize(t); fields["alice"] != "email" || fields["bob"] != "email" {
		t.Errorf("the plan has %v", fields)
	}
	if a, b := c.reload(t, alice), c.reload(t, bob); a.Email != "bob@example.org" || b.Email != "alice@example.org" {
		t.Errorf("alice has %q, bob %q", a.Email, b.Email)
	}
}

func TestAttributesThatAreNotMappedStay(t *testing.T) {
	t.Parallel()
	c := openCompany(t, ldapdir.TypeLDAP, func(s *ldapdir.Settings) { s.Attributes.PhoneNumber = "" })
	bob := c.signIn(t, "bob")
	_, err := c.Ports.Users.Update(t.Context(), bob.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.PhoneNumber = "+420123456789"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.signIn(t, "bob"); got.PhoneNumber != "+420123456789" {
		t.Errorf("bob's phone number is %q", got.PhoneNumber)
	}
}

// TestResetLinkSentToLostAddressIsInvalid covers a link that is sent before the service knows that the address moved.
func TestResetLinkSentToLostAddressIsInvalid(t *testing.T) {
	t.Parallel()
	c := openCompany(t, ldapdir.TypeLDAP, nil)
	alice := c.signIn(t, "alice")
	c.modify(t, "alice", func(m *ldap.ModifyRequest) { m.Replace("mail", []string{"archer@example.org"}) })
	link := c.resetLink(t, "alice@example.org")
	err := c.Account.Reset(t.Context(), kit.From("192.0.2.9"), link, word)
	if !errors.Is(err, domain.ErrInvalidToken) {
		t.Errorf("the link sets a password: %v", err)
	}
	if got := c.signIn(t, "alice"); got.ID != alice.ID || got.Email != "archer@example.org" {
		t.Errorf("alice has %q", got.Email)
	}
}

// resetLink requests a reset and returns the token of the link.
func (c *company) resetLink(t *testing.T, address string) string {
	t.Helper()
	if _, err := c.Account.RequestReset(t.Context(), kit.From("192.0.2.9"), address); err != nil {
		t.Fatal(err)
	}
	sent := c.SentEmails(t)
	if len(sent) != 1 {
		t.Fatalf("%d emails were sent", len(sent))
	}
	link := regexp.MustCompile(`token=(\S+)`).FindStringSubmatch(sent[0].Text)
	if link == nil {
		t.Fatal("the email has no link")
	}
	return link[1]
}

// settable is what a directory with passwords: reset implements.
type settable interface {
	ports.PasswordVerifier
	ports.Lookup
	ports.PasswordSetter
}

// refusing refuses the next password, after something else has happened.
type refusing struct {
	settable

	meanwhile func()
}

func (r *refusing) SetPassword(ctx context.Context, subject domain.Subject, next string, mustChange bool) error {
	if do := r.meanwhile; do != nil {
		r.meanwhile = nil
		do()
		return domain.ErrPasswordPolicy.About("new_password", "is too short")
	}
	return r.settable.SetPassword(ctx, subject, next, mustChange)
}

// TestRefusedResetRestoresNoLinkOfLostAddress covers an address that moves while the directory refuses a password.
func TestRefusedResetRestoresNoLinkOfLostAddress(t *testing.T) {
	t.Parallel()
	for name, moves := range map[string]bool{"kept": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var setter *refusing
			c := openCompanyAs(t, ldapdir.TypeLDAP, nil, func(d ports.Directory) ports.Directory {
				own, ok := d.(settable)
				if !ok {
					t.Fatal("the directory sets no passwords")
				}
				setter = &refusing{settable: own}
				return setter
			})
			c.signIn(t, "alice")
			link := c.resetLink(t, "alice@example.org")
			setter.meanwhile = func() {
				if moves {
					c.modify(t, "alice", func(m *ldap.ModifyRequest) { m.Replace("mail", []string{"archer@example.org"}) })
				}
				c.signIn(t, "alice")
			}
			err := c.Account.Reset(t.Context(), kit.From("192.0.2.9"), link, "short")
			if !errors.Is(err, domain.ErrPasswordPolicy) {
				t.Errorf("the reset that the directory refuses: %v", err)
			}
			err = c.Account.Reset(t.Context(), kit.From("192.0.2.9"), link, word)
			if isInvalid := errors.Is(err, domain.ErrInvalidToken); isInvalid != moves || !moves && err != nil {
				t.Errorf("the next use of the link: %v", err)
			}
		})
	}
}

package ldapdir_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
)

func TestOpenLDAPOutcomes(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(openldap.Start(t, openldap.Options{})))
	tests := map[string]struct {
		name, password string
		want           domain.Outcome
	}{
		"the right password":  {"alice", openldap.Password, domain.OutcomeOK},
		"a wrong password":    {"bob", "wrong", domain.OutcomeBadCredentials},
		"an unknown name":     {"nobody", openldap.Password, domain.OutcomeBadCredentials},
		"an expired password": {"expired", openldap.Password, domain.OutcomeExpired},
		"a wrong password where the right one is expired":   {"expired", "wrong", domain.OutcomeBadCredentials},
		"an expired password with grace logins left":        {"grace", openldap.Password, domain.OutcomeExpired},
		"a password that must be changed":                   {"mustchange", openldap.Password, domain.OutcomeMustChange},
		"a wrong password where the right must be changed":  {"mustchange", "wrong", domain.OutcomeBadCredentials},
		"a locked account with the right password":          {"locked", openldap.Password, domain.OutcomeLocked},
		"a locked account with a wrong password":            {"locked", "wrong", domain.OutcomeLocked},
		"an account that is off by its attribute":           {"inactive", openldap.Password, domain.OutcomeDisabled},
		"an account that is off, with a wrong password":     {"inactive", "wrong", domain.OutcomeBadCredentials},
		"a password that ends soon":                         {"soon", openldap.Password, domain.OutcomeOK},
		"a name with letters beyond ASCII":                  {"zoë", openldap.Password, domain.OutcomeOK},
		"a name with all the characters that filters treat": {`we*ird(u)\er`, openldap.Password, domain.OutcomeOK},
		"an entry whose DN needs escapes":                   {"jsmith", openldap.Password, domain.OutcomeOK},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := verify(t, d, tt.name, tt.password)
			if check.Outcome != tt.want {
				t.Fatalf("got %v (%s), want %v", check.Outcome, check.Detail, tt.want)
			}
			if known := check.Identity.Subject != ""; known != (tt.want != domain.OutcomeBadCredentials) {
				t.Errorf("the identity is known: %v", known)
			}
		})
	}
}

func TestActiveDirectoryOutcomes(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(sharedSamba(t)))
	tests := map[string]struct {
		name, password string
		want           domain.Outcome
	}{
		"the right password":                               {"alice", samba.Password, domain.OutcomeOK},
		"the user principal name":                          {"alice@ad.example.org", samba.Password, domain.OutcomeOK},
		"the domain's short name before the name":          {`EXAMPLE\alice`, samba.Password, domain.OutcomeOK},
		"the name in other case":                           {"ALICE", samba.Password, domain.OutcomeOK},
		"a principal name with letters beyond ASCII":       {"zoë@ad.example.org", samba.Password, domain.OutcomeOK},
		"an entry whose DN needs escapes":                  {"bob", samba.Password, domain.OutcomeOK},
		"a wrong password":                                 {"dave", "wrong", domain.OutcomeBadCredentials},
		"an unknown name":                                  {"nobody", samba.Password, domain.OutcomeBadCredentials},
		"the short name of another domain":                 {`OTHER\alice`, samba.Password, domain.OutcomeBadCredentials},
		"a disabled account":                               {"disabled", samba.Password, domain.OutcomeDisabled},
		"a disabled account with a wrong password":         {"disabled", "wrong", domain.OutcomeBadCredentials},
		"a password that must be changed":                  {"mustchange", samba.Password, domain.OutcomeMustChange},
		"a wrong password where the right must be changed": {"mustchange", "wrong", domain.OutcomeBadCredentials},
		"an expired account":                               {"accexpired", samba.Password, domain.OutcomeAccountExpired},
		"an expired account with a wrong password":         {"accexpired", "wrong", domain.OutcomeBadCredentials},
		"an expired password":                              {"pwexpired", samba.Password, domain.OutcomeExpired},
		"an expired password with a wrong one":             {"pwexpired", "wrong", domain.OutcomeBadCredentials},
		"a time at which nobody may sign in":               {"nohours", samba.Password, domain.OutcomeDisabled},
		"another workstation":                              {"wks", samba.Password, domain.OutcomeDisabled},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := verify(t, d, tt.name, tt.password)
			if check.Outcome != tt.want {
				t.Fatalf("got %v (%s), want %v", check.Outcome, check.Detail, tt.want)
			}
			if known := check.Identity.Subject != ""; known != (tt.want != domain.OutcomeBadCredentials) {
				t.Errorf("the identity is known: %v", known)
			}
		})
	}
}

// waitForCoarseClock returns when the clock of whole seconds has reached the present second. slapd stamps a lock with
// the exact time and compares it with that clock, which may be some milliseconds late: in them the lock is not in force
// yet.
func waitForCoarseClock() {
	const late = 50 * time.Millisecond
	if since := time.Duration(time.Now().Nanosecond()); since < late {
		<-time.After(late - since)
	}
}

func TestDirectoryLockoutHasAnEnd(t *testing.T) {
	t.Parallel()
	ad := sharedSamba(t)
	for _, tt := range []struct {
		kind, name string
		settings   tree
	}{
		{ldapdir.TypeLDAP, "dave", openLDAP(openldap.Start(t, openldap.Options{}))},
		{ldapdir.TypeActiveDirectory, "lockme", activeDirectory(ad)},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, tt.kind, tt.settings)
			for range 3 {
				if check := verify(t, d, tt.name, "wrong"); check.Outcome != domain.OutcomeBadCredentials {
					t.Fatalf("a wrong password is %v", check.Outcome)
				}
			}
			waitForCoarseClock()
			check := verify(t, d, tt.name, openldap.Password)
			if check.Outcome != domain.OutcomeLocked {
				t.Fatalf("after three wrong passwords the right one is %v", check.Outcome)
			}
			if left := time.Until(check.LockedUntil); left < -time.Second || left > 5*time.Second {
				t.Errorf("the lock ends in %s, want within 5s", left)
			}
			if id := check.Identity; id.Username != "" || id.Email != "" || id.Subject == "" {
				t.Errorf("a lock reveals more than the subject")
			}
			threshold, err := d.LockoutThreshold(t.Context())
			if err != nil || threshold != 3 {
				t.Errorf("the threshold is %d, %v; want 3", threshold, err)
			}
		})
	}
}

func TestNamesAreEscaped(t *testing.T) {
	t.Parallel()
	ldapDir := mustOpen(t, ldapdir.TypeLDAP, openLDAP(sharedSlapd(t)))
	adDir := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(sharedSamba(t)))
	for _, name := range []string{
		"*", "a*", "ali*", "*)(uid=*))(|(uid=*", "alice)(objectClass=*", `a\2a`, `alice\00`, "alice\x00", "(", ")", "&",
		"|(uid=alice)",
		"alice,ou=people,dc=example,dc=org", "uid=alice,ou=people,dc=example,dc=org", `alice\`, "alice\n", "\xff\xfe", " ",
		strings.Repeat("a", 300),
	} {
		for _, d := range []directory{ldapDir, adDir} {
			check := verify(t, d, name, openldap.Password)
			if check.Outcome != domain.OutcomeBadCredentials {
				t.Errorf("%s: the name %q is %v", d.Type(), name, check.Outcome)
			}
			if _, err := d.FindName(t.Context(), name); !isNotFound(err) {
				t.Errorf("%s: looking up %q: %v", d.Type(), name, err)
			}
		}
	}
}

func TestEmptyPasswordIsNotSentToTheServer(t *testing.T) {
	t.Parallel()
	// This server answers success to a name with an empty password.
	s := openldap.Start(t, openldap.Options{Unauthenticated: true})
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s))
	for _, login := range []ports.Login{
		{Name: "alice"},
		{Password: openldap.Password},
		{},
		{Name: "alice", Password: "\x00"},
	} {
		if check := verify(t, d, login.Name, login.Password); check.Outcome != domain.OutcomeBadCredentials {
			t.Errorf("an empty name or password is %v", check.Outcome)
		}
	}
	alice := find(t, d, "alice")
	check, err := d.VerifySubject(t.Context(), alice.Subject, "")
	if err != nil || check.Outcome != domain.OutcomeBadCredentials {
		t.Errorf("an empty password of a known person is %v, %v", check.Outcome, err)
	}
	if err := d.ChangePassword(t.Context(), alice.Subject, "", "another-Passw0rd"); !isCurrentPassword(err) {
		t.Errorf("a change with an empty password: %v", err)
	}
}

func TestEmptyPasswordIsRefusedWithoutAConnection(t *testing.T) {
	t.Parallel()
	settings := openLDAP(sharedSlapd(t)).with(tree{"urls": []string{"ldaps://127.0.0.1:1"}})
	d := mustOpen(t, ldapdir.TypeLDAP, settings)
	// Nothing listens there, so any use of the network would be an error.
	if check := verify(t, d, "alice", ""); check.Outcome != domain.OutcomeBadCredentials {
		t.Errorf("an empty password is %v", check.Outcome)
	}
}

func TestSeveralEntriesAreRefused(t *testing.T) {
	t.Parallel()
	s := sharedSlapd(t)
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s))
	if check := verify(t, d, "twin", openldap.Password); check.Outcome != domain.OutcomeBadCredentials {
		t.Errorf("a name that two entries have is %v", check.Outcome)
	}
	narrow := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s).with(tree{"base_dn": "ou=contractors," + openldap.Base}))
	if check := verify(t, narrow, "twin", openldap.Password); check.Outcome != domain.OutcomeOK {
		t.Errorf("with a base that holds one of them it is %v", check.Outcome)
	}
	if check := verify(t, narrow, "alice", openldap.Password); check.Outcome != domain.OutcomeBadCredentials {
		t.Errorf("a user outside the base is %v", check.Outcome)
	}
}

func TestPersonIsIdentifiedBySubject(t *testing.T) {
	t.Parallel()
	s := openldap.Start(t, openldap.Options{})
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s))
	root := s.Root(t)
	before := find(t, d, "dave")

	rename := ldap.NewModifyDNRequest(openldap.PersonDN("dave"), "uid=david", true, "ou=contractors,"+openldap.Base)
	if err := root.ModifyDN(rename); err != nil {
		t.Fatal(err)
	}
	renamed, err := d.Find(t.Context(), before.Subject)
	if err != nil || renamed.Username != "david" {
		t.Fatalf("the renamed person is %q, %v", renamed.Username, err)
	}
	check, err := d.VerifySubject(t.Context(), before.Subject, openldap.Password)
	if err != nil || check.Outcome != domain.OutcomeOK || check.Identity.Username != "david" {
		t.Errorf("the renamed person's password is %v, %v", check.Outcome, err)
	}

	addPerson(t, root, "dave")
	if again := find(t, d, "dave"); again.Subject == before.Subject || again.Subject == "" {
		t.Errorf("somebody else under the old name has the subject %q", again.Subject)
	}
	if err := root.Del(ldap.NewDelRequest("uid=david,ou=contractors,"+openldap.Base, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Find(t.Context(), before.Subject); !isNotFound(err) {
		t.Errorf("a person who is gone: %v", err)
	}
}

func addPerson(t *testing.T, root *ldap.Conn, uid string) {
	t.Helper()
	add := ldap.NewAddRequest(openldap.PersonDN(uid), nil)
	add.Attribute("objectClass", []string{"inetOrgPerson"})
	for _, name := range []string{"uid", "cn", "sn"} {
		add.Attribute(name, []string{uid})
	}
	if err := root.Add(add); err != nil {
		t.Fatal(err)
	}
}

func TestUnknownSubjects(t *testing.T) {
	t.Parallel()
	for _, d := range []directory{
		mustOpen(t, ldapdir.TypeLDAP, openLDAP(sharedSlapd(t))),
		mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(sharedSamba(t))),
	} {
		for _, subject := range []domain.Subject{
			"", "*", "00000000-0000-0000-0000-000000000000", "alice", "x)(uid=*",
			domain.Subject(strings.Repeat("a", 500)),
		} {
			if _, err := d.Find(t.Context(), subject); !isNotFound(err) {
				t.Errorf("%s: subject %q: %v", d.Type(), subject, err)
			}
			check, err := d.VerifySubject(t.Context(), subject, openldap.Password)
			if err != nil || check.Outcome != domain.OutcomeBadCredentials {
				t.Errorf("%s: the password of subject %q is %v, %v", d.Type(), subject, check.Outcome, err)
			}
		}
	}
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	slapd, ad := sharedSlapd(t), sharedSamba(t)
	tests := map[string]struct {
		kind     string
		settings tree
		person   string
		want     domain.Identity
	}{
		"of OpenLDAP": {ldapdir.TypeLDAP, openLDAP(slapd), "alice", domain.Identity{
			Username: "alice", Email: "alice@example.org", Person: domain.Person{
				FullName:    "Alice Archer",
				PhoneNumber: "+4512345678",
			}, EmailVerified: true,
		}},
		"of OpenLDAP, switched off": {ldapdir.TypeLDAP, openLDAP(slapd), "inactive", domain.Identity{
			Username: "inactive", Email: "inactive@example.org", Person: domain.Person{FullName: "In Active"},
			EmailVerified: true, Disabled: true,
		}},
		"of OpenLDAP, locked for ever": {ldapdir.TypeLDAP, openLDAP(slapd), "locked", domain.Identity{
			Username: "locked", Email: "locked@example.org", Person: domain.Person{FullName: "Lock Ed"}, EmailVerified: true,
			Disabled: true,
		}},
		"without a word for the address": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"email_verified": false}), "bob",
			domain.Identity{
				Username: "bob", Email: "bob@example.org", Person: domain.Person{FullName: "Bob Builder"},
			},
		},
		"with other attributes": {ldapdir.TypeLDAP, openLDAP(slapd).with(tree{
			"attributes": tree{"username": "mail", "full_name": "sn", "phone_number": "", "email": ""},
		}), "bob", domain.Identity{
			Username: "bob@example.org", Person: domain.Person{FullName: "Builder"},
			Unmapped: []string{"email", "phone_number"},
		}},
		"of Active Directory": {ldapdir.TypeActiveDirectory, activeDirectory(ad), "alice", domain.Identity{
			Username: "alice", Email: "alice@example.org", Person: domain.Person{
				FullName:    "Alice Archer",
				PhoneNumber: "+4512345678",
			}, EmailVerified: true,
		}},
		"of Active Directory, disabled": {ldapdir.TypeActiveDirectory, activeDirectory(ad), "disabled", domain.Identity{
			Username: "disabled", Email: "disabled@example.org", Person: domain.Person{FullName: "Dis Abled"},
			EmailVerified: true, Disabled: true,
		}},
		"of Active Directory, expired": {ldapdir.TypeActiveDirectory, activeDirectory(ad), "accexpired", domain.Identity{
			Username: "accexpired", Email: "accexpired@example.org", Person: domain.Person{FullName: "Acc Expired"},
			EmailVerified: true, Disabled: true,
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, tt.kind, tt.settings)
			got := find(t, d, tt.person)
			tt.want.Directory, tt.want.Methods = "corp", []string{"pwd"}
			tt.want.Subject, tt.want.Groups = got.Subject, got.Groups
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			again, err := d.Find(t.Context(), got.Subject)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("by subject (-by name +by subject)\n%s", diff)
			}
		})
	}
}

func TestNamesAreTheSameInEverySpelling(t *testing.T) {
	t.Parallel()
	ad := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(sharedSamba(t)))
	slapd := mustOpen(t, ldapdir.TypeLDAP, openLDAP(sharedSlapd(t)))
	tests := map[string]struct {
		in   directory
		name string
		want string
	}{
		"AD, composed":       {ad, "zo\u00eb@ad.example.org", "zoe"},
		"AD, decomposed":     {ad, "zoe\u0308@ad.example.org", "zoe"},
		"AD, capitals":       {ad, "ALICE@AD.Example.ORG", "alice"},
		"AD, short domain":   {ad, `example\Alice`, "alice"},
		"OpenLDAP, capitals": {slapd, "ALICE", "alice"},
		"OpenLDAP, spaces":   {slapd, " alice ", "alice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := verify(t, tt.in, tt.name, openldap.Password)
			if check.Outcome != domain.OutcomeOK || check.Identity.Username != tt.want {
				t.Errorf("%q is %v as %q", tt.name, check.Outcome, check.Identity.Username)
			}
		})
	}
}

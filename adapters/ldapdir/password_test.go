package ldapdir_test

import (
	"testing"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
)

const newPassword = "An0ther-Word!"

func TestChangePassword(t *testing.T) {
	t.Parallel()
	slapd := mustOpen(t, ldapdir.TypeLDAP, openLDAP(openldap.Start(t, openldap.Options{})))
	ad := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(samba.Start(t, samba.Options{})))
	tests := map[string]struct {
		in            directory
		person        string
		current, next string
		want          string
	}{
		"on OpenLDAP": {slapd, "alice", openldap.Password, newPassword, "taken"},
		"on OpenLDAP, wrong present one": {
			slapd, "bob", "wrong", newPassword,
			"invalid_current_password: wrong name or password",
		},
		"on OpenLDAP, too short": {
			slapd, "carol", openldap.Password, "short",
			"new_password does not meet the directory's quality requirements",
		},
		"on OpenLDAP, the same again": {
			slapd, "dave", openldap.Password, openldap.Password,
			"new_password was used before",
		},
		"on OpenLDAP, expired": {slapd, "expired", openldap.Password, newPassword, "taken"},
		"on OpenLDAP, expired, wrong": {
			slapd, "expired", "wrong", newPassword,
			"invalid_current_password: wrong name or password",
		},
		"on OpenLDAP, grace logins": {slapd, "grace", openldap.Password, newPassword, "taken"},
		"on OpenLDAP, must change":  {slapd, "mustchange", openldap.Password, newPassword, "taken"},
		"on OpenLDAP, locked": {
			slapd, "locked", openldap.Password, newPassword,
			"current_password the directory lets this account change nothing now: password policy: account locked",
		},
		"on OpenLDAP, with the old one asked": {slapd, "safe", openldap.Password, newPassword, "taken"},
		"on OpenLDAP, too young": {
			slapd, "young", openldap.Password, newPassword,
			"new_password cannot be changed again so soon",
		},
		"on OpenLDAP, not allowed":    {slapd, "nochange", openldap.Password, newPassword, "password_managed_externally"},
		"on OpenLDAP, empty":          {slapd, "soon", openldap.Password, "", "new_password must not be empty"},
		"on AD":                       {ad, "alice", samba.Password, newPassword, "taken"},
		"on AD, letters beyond ASCII": {ad, "zoe", samba.Password, "Zoë-Übung-€-1", "taken"},
		"on AD, wrong present one":    {ad, "bob", "wrong", newPassword, "invalid_current_password: wrong name or password"},
		"on AD, too short":            {ad, "carol", samba.Password, "Sh-1", "new_password is too short"},
		"on AD, too simple": {
			ad, "carol", samba.Password, "allthesame",
			"new_password does not meet the directory's complexity requirements",
		},
		"on AD, the same again": {ad, "dave", samba.Password, samba.Password, "new_password was used before"},
		"on AD, must change":    {ad, "mustchange", samba.Password, newPassword, "taken"},
		"on AD, must change, wrong": {
			ad, "mustchange", "wrong", newPassword,
			"invalid_current_password: wrong name or password",
		},
		"on AD, expired": {ad, "pwexpired", samba.Password, newPassword, "taken"},
		"on AD, disabled": {
			ad, "disabled", samba.Password, newPassword,
			"current_password the directory lets this account change nothing now: account disabled",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := find(t, tt.in, tt.person)
			got := refusal(tt.in.ChangePassword(t.Context(), id.Subject, tt.current, tt.next))
			if len(got) < len(tt.want) || got[:len(tt.want)] != tt.want {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			if tt.want != "taken" {
				return
			}
			if check := verify(t, tt.in, tt.person, tt.next); check.Outcome != domain.OutcomeOK {
				t.Errorf("the new password is %v", check.Outcome)
			}
			if check := verify(t, tt.in, tt.person, tt.current); check.Outcome != domain.OutcomeBadCredentials {
				t.Errorf("the old password is %v", check.Outcome)
			}
		})
	}
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	slapd := mustOpen(t, ldapdir.TypeLDAP, openLDAP(openldap.Start(t, openldap.Options{})))
	ad := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(samba.Start(t, samba.Options{})))
	tests := map[string]struct {
		in         directory
		person     string
		next       string
		mustChange bool
		want       string
		outcome    domain.Outcome
	}{
		"on OpenLDAP":                {slapd, "alice", newPassword, false, "taken", domain.OutcomeOK},
		"on OpenLDAP, to be changed": {slapd, "bob", newPassword, true, "taken", domain.OutcomeMustChange},
		"on OpenLDAP, too short": {
			slapd, "carol", "short", false,
			"new_password does not meet the directory's quality requirements", 0,
		},
		"on OpenLDAP, expired":          {slapd, "expired", newPassword, false, "taken", domain.OutcomeOK},
		"on OpenLDAP, empty":            {slapd, "dave", "", false, "new_password must not be empty", 0},
		"on OpenLDAP, odd DN":           {slapd, "jsmith", newPassword, false, "taken", domain.OutcomeOK},
		"on AD":                         {ad, "alice", newPassword, false, "taken", domain.OutcomeOK},
		"on AD, to be changed":          {ad, "dave", newPassword, true, "taken", domain.OutcomeMustChange},
		"on AD, too short":              {ad, "carol", "Sh-1", false, "new_password is too short", 0},
		"on AD, odd DN":                 {ad, "bob", newPassword, false, "taken", domain.OutcomeOK},
		"on AD, a password that is old": {ad, "pwexpired", newPassword, false, "taken", domain.OutcomeOK},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := find(t, tt.in, tt.person)
			got := refusal(tt.in.SetPassword(t.Context(), id.Subject, tt.next, tt.mustChange))
			if len(got) < len(tt.want) || got[:len(tt.want)] != tt.want {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			if tt.want != "taken" {
				return
			}
			if check := verify(t, tt.in, tt.person, tt.next); check.Outcome != tt.outcome {
				t.Errorf("the new password is %v, want %v", check.Outcome, tt.outcome)
			}
		})
	}
}

func TestSetPasswordEndsTheDirectorysLock(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(samba.Start(t, samba.Options{})))
	id := find(t, d, "lockme")
	for range 3 {
		verify(t, d, "lockme", "wrong")
	}
	if err := d.SetPassword(t.Context(), id.Subject, newPassword, false); err != nil {
		t.Fatal(err)
	}
	if check := verify(t, d, "lockme", newPassword); check.Outcome != domain.OutcomeOK {
		t.Errorf("after the reset the new password is %v", check.Outcome)
	}
}

func TestAnAdministratorsLockOutlivesAReset(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(openldap.Start(t, openldap.Options{})))
	id := find(t, d, "locked")
	if err := d.SetPassword(t.Context(), id.Subject, newPassword, false); err == nil {
		t.Error("the password of an account that an administrator locked was set")
	}
	if check := verify(t, d, "locked", newPassword); check.Outcome != domain.OutcomeLocked {
		t.Errorf("after the reset the new password is %v", check.Outcome)
	}
}

func TestWithoutRightsAResetIsRefused(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeLDAP,
		openLDAP(openldap.Start(t, openldap.Options{})).with(tree{"bind_dn": openldap.SearchDN}))
	id := find(t, d, "alice")
	if got := refusal(d.SetPassword(t.Context(), id.Subject, newPassword,
		false)); got[:27] != "password_managed_externally" {
		t.Errorf("got %q", got)
	}
}

// By default Samba lets the password before pass for an hour, so a change is no proof that the old one is dead.
func TestActiveDirectoryMayKeepTheOldPasswordForAWhile(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(samba.Start(t, samba.Options{KeepOldPassword: true})))
	id := find(t, d, "alice")
	if err := d.ChangePassword(t.Context(), id.Subject, samba.Password, newPassword); err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{samba.Password, newPassword} {
		if check := verify(t, d, "alice", password); check.Outcome != domain.OutcomeOK {
			t.Errorf("it is %v", check.Outcome)
		}
	}
}

func TestDirectBind(t *testing.T) {
	t.Parallel()
	slapd, ad := openldap.Start(t, openldap.Options{}), sharedSamba(t)
	without := func(s tree, names ...string) tree {
		c := s.with(tree{"direct_bind": names, "passwords": "change"})
		delete(c, "bind_dn")
		delete(c, "bind_password")
		return c
	}
	slapd.LetEverybodyRead(t)
	tests := map[string]struct {
		kind           string
		settings       tree
		name, password string
		want           domain.Outcome
	}{
		"as a principal name": {
			ldapdir.TypeActiveDirectory,
			without(activeDirectory(ad), "{name}@ad.example.org"), "alice", samba.Password, domain.OutcomeOK,
		},
		"as typed": {
			ldapdir.TypeActiveDirectory, without(activeDirectory(ad), "{login}"),
			"alice@ad.example.org", samba.Password, domain.OutcomeOK,
		},
		"with the short name as typed": {
			ldapdir.TypeActiveDirectory, without(activeDirectory(ad), "{login}"),
			`EXAMPLE\alice`, samba.Password, domain.OutcomeOK,
		},
		"by the second name that is tried": {
			ldapdir.TypeActiveDirectory,
			without(activeDirectory(ad), "{name}@other.example", `EXAMPLE\{name}`), "alice", samba.Password, domain.OutcomeOK,
		},
		"with a wrong password": {
			ldapdir.TypeActiveDirectory, without(activeDirectory(ad), `EXAMPLE\{name}`),
			"dave", "wrong", domain.OutcomeBadCredentials,
		},
		"with a password that must change": {
			ldapdir.TypeActiveDirectory, without(activeDirectory(ad), `EXAMPLE\{name}`),
			"mustchange", samba.Password, domain.OutcomeMustChange,
		},
		"as somebody outside the base": {
			ldapdir.TypeActiveDirectory,
			without(activeDirectory(ad), `EXAMPLE\{name}`).with(tree{"base_dn": "OU=Contractors," + samba.Base}), "alice",
			samba.Password, domain.OutcomeBadCredentials,
		},
		"as a DN": {
			ldapdir.TypeLDAP,
			without(openLDAP(slapd), "uid={rdn},ou=people,"+openldap.Base), "alice", openldap.Password, domain.OutcomeOK,
		},
		"as a DN, with an injection": {ldapdir.TypeLDAP, without(openLDAP(slapd), "uid={rdn},ou=people,"+
			openldap.Base), "bob,ou=people,dc=example,dc=org", openldap.Password, domain.OutcomeBadCredentials},
		"as a DN that is not the one found": {
			ldapdir.TypeLDAP,
			without(openLDAP(slapd), "uid=bob,ou=people,dc=example,dc={name}").with(tree{"login_attributes": []string{
				"sn",
				"cn",
			}, "user_filter": "(|(uid=alice)(cn=Nobody))"}), "org", openldap.Password, domain.OutcomeBadCredentials,
		},
		"as a DN that needs escapes": {ldapdir.TypeLDAP, without(openLDAP(slapd),
			"uid={rdn},ou=people,"+openldap.Base), `we*ird(u)\er`, openldap.Password, domain.OutcomeOK},
		"as a name that the search takes too": {ldapdir.TypeLDAP, without(openLDAP(slapd),
			"uid={rdn},ou=people,"+openldap.Base), "al*", openldap.Password, domain.OutcomeBadCredentials},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustOpenLimited(t, tt.kind, tt.settings)
			check := verify(t, d, tt.name, tt.password)
			if check.Outcome != tt.want {
				t.Fatalf("got %v (%s), want %v", check.Outcome, check.Detail, tt.want)
			}
			if known := check.Identity.Subject != ""; known != (tt.want == domain.OutcomeOK) {
				t.Errorf("the identity is known: %v", known)
			}
		})
	}
}

func TestDirectBindOfKnownPeople(t *testing.T) {
	t.Parallel()
	ad := samba.Start(t, samba.Options{})
	subject := find(t, mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(ad)), "alice").Subject
	c := activeDirectory(ad).with(tree{"direct_bind": []string{"{login}"}, "passwords": "change"})
	delete(c, "bind_dn")
	delete(c, "bind_password")
	d := mustOpenLimited(t, ldapdir.TypeActiveDirectory, c)
	check, err := d.VerifySubject(t.Context(), subject, samba.Password)
	if err != nil || check.Outcome != domain.OutcomeOK || check.Identity.Username != "alice" {
		t.Fatalf("the known person is %v (%s), %v", check.Outcome, check.Detail, err)
	}
	if err := d.ChangePassword(t.Context(), subject, "wrong", newPassword); !isCurrentPassword(err) {
		t.Errorf("a change with a wrong present password: %v", err)
	}
	if err := d.ChangePassword(t.Context(), subject, samba.Password, newPassword); err != nil {
		t.Fatal(err)
	}
	check, err = d.VerifySubject(t.Context(), subject, newPassword)
	if err != nil || check.Outcome != domain.OutcomeOK {
		t.Errorf("the new password is %v, %v", check.Outcome, err)
	}
}

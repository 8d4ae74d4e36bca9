package ldapdir_test

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/conformance"
	"github.com/ostiary/ostiary/test/fixtures/dirsrv"
)

func dirsrvSettings(s *dirsrv.Server) tree {
	return tree{
		"urls": []string{s.TLSURL}, "ca_file": s.CAFile, "bind_dn": dirsrv.ServiceDN, "bind_password": dirsrv.Password,
		"base_dn": dirsrv.Base, "passwords": "reset", "timeouts": patient, "attributes": tree{"subject": "nsUniqueId"},
	}
}

func TestDirsrv(t *testing.T) {
	t.Parallel()
	s := dirsrv.Start(t)
	d := mustOpen(t, ldapdir.TypeLDAP, dirsrvSettings(s))
	t.Run("change", func(t *testing.T) { t.Parallel(); changesOnDirsrv(t, d) })
	t.Run("reset", func(t *testing.T) { t.Parallel(); resetsOnDirsrv(t, d) })
	t.Run("recovery", func(t *testing.T) { t.Parallel(); recoversOnDirsrv(t, s) })
	t.Run("least rights", func(t *testing.T) { t.Parallel(); resetsWithLeastRights(t, s) })
	t.Run("disabled", func(t *testing.T) { t.Parallel(); disabledOnDirsrv(t, d) })
	t.Run("lockout", func(t *testing.T) { t.Parallel(); lockoutOnDirsrv(t, d) })
	t.Run("conformance", func(t *testing.T) {
		t.Parallel()
		people := s.People(t)
		conformance.Directory(t, func(t *testing.T) conformance.DirectoryUnderTest {
			t.Helper()
			return conformance.DirectoryUnderTest{
				Directory: mustOpen(t, ldapdir.TypeLDAP, dirsrvSettings(s)),
				Person:    ports.Login{Name: people(t), Password: dirsrv.Password},
				Other:     "bob", Next: newPassword, Refused: "short",
			}
		})
	})
}

func changesOnDirsrv(t *testing.T, d directory) {
	t.Helper()
	const tooShort = "new_password is too short"
	for _, tt := range []struct{ person, current, next, want string }{
		{"alice", "wrong", newPassword, "invalid_current_password: wrong name or password"},
		{"alice", dirsrv.Password, "short", tooShort},
		{"alice", dirsrv.Password, dirsrv.Password, "new_password was used before"},
		{"alice", dirsrv.Password, newPassword, "taken"},
		{"mustchange", "wrong", newPassword, "invalid_current_password: wrong name or password"},
		{"mustchange", dirsrv.Password, "short", tooShort},
		{"mustchange", dirsrv.Password, newPassword, "taken"},
		{"expired", "wrong", newPassword, "invalid_current_password: wrong name or password"},
		{"expired", dirsrv.Password, "short", tooShort},
		{"expired", dirsrv.Password, newPassword, "taken"},
		{
			"disabled", dirsrv.Password, newPassword,
			"current_password the directory lets this account change nothing now: Account inactivated",
		},
	} {
		got := refusal(d.ChangePassword(t.Context(), find(t, d, tt.person).Subject, tt.current, tt.next))
		if !strings.HasPrefix(got, tt.want) {
			t.Fatalf("%s, %s to %s: got %q, want %q", tt.person, tt.current, tt.next, got, tt.want)
		}
		if tt.want == "taken" {
			wantOutcome(t, d, tt.person, tt.next, domain.OutcomeOK)
			wantOutcome(t, d, tt.person, tt.current, domain.OutcomeBadCredentials)
		}
	}
}

func resetsOnDirsrv(t *testing.T, d directory) {
	t.Helper()
	forgetful := find(t, d, "forgetful").Subject
	for _, tt := range []struct{ next, want string }{
		{"short", "new_password is too short"},
		{dirsrv.Password, "new_password was used before"},
	} {
		if got := refusal(d.SetPassword(t.Context(), forgetful, tt.next, false)); got != tt.want {
			t.Fatalf("a reset to %s: got %q, want %q", tt.next, got, tt.want)
		}
	}
	wantOutcome(t, d, "forgetful", dirsrv.Password, domain.OutcomeOK) // refused resets changed nothing
	for _, tt := range []struct {
		person, next string
		mustChange   bool
		want         domain.Outcome
	}{
		{"forgetful", newPassword, false, domain.OutcomeOK},
		{"expired2", newPassword, false, domain.OutcomeOK},
		{"forgetful", newPassword + "2", true, domain.OutcomeMustChange},
		{"forgetful", newPassword + "3", false, domain.OutcomeOK},
	} {
		if got := refusal(d.SetPassword(t.Context(), find(t, d, tt.person).Subject, tt.next, tt.mustChange)); got != "taken" {
			t.Fatalf("a reset of %s to %s: %s", tt.person, tt.next, got)
		}
		wantOutcome(t, d, tt.person, tt.next, tt.want)
	}
	if got := refusal(d.SetPassword(t.Context(), find(t, d, "disabled").Subject, newPassword, false)); !strings.HasPrefix(
		got, "password_managed_externally") {
		t.Errorf("a reset of a disabled account: %s", got)
	}
}

// recoversOnDirsrv covers resets whose second step, the change by the person, the server refuses.
func recoversOnDirsrv(t *testing.T, s *dirsrv.Server) {
	t.Helper()
	people, root := s.People(t), s.Root(t)
	modify := func(name, attribute, value string) {
		m := ldap.NewModifyRequest(dirsrv.PersonDN(name), nil)
		m.Replace(attribute, []string{value})
		if err := root.Modify(m); err != nil {
			t.Fatal(err)
		}
	}
	mayNot := people(t)
	modify(mayNot, "aci",
		`(targetattr="userPassword")(version 3.0; acl "no"; deny (write) userdn="ldap:///self";)`)
	d := mustOpen(t, ldapdir.TypeLDAP, dirsrvSettings(s))
	if err := d.SetPassword(t.Context(), find(t, d, mayNot).Subject, newPassword, false); err != nil {
		t.Errorf("a reset of a person who may change no password: %v", err)
	}
	wantOutcome(t, d, mayNot, newPassword, domain.OutcomeMustChange)

	settings := dirsrvSettings(s) // an account that the policy does not bind, but the person
	settings["bind_dn"], settings["bind_password"] = dirsrv.RootDN, dirsrv.RootPassword
	unbound, forgetful, expired := mustOpen(t, ldapdir.TypeLDAP, settings), people(t), people(t)
	got := refusal(unbound.SetPassword(t.Context(), find(t, d, forgetful).Subject, "short", false))
	if !strings.HasPrefix(got, "new_password is too short; the former password is no longer valid") {
		t.Errorf("a reset to a password that the policy refuses: %s", got)
	}
	if err := unbound.SetPassword(t.Context(), find(t, d, forgetful).Subject, newPassword, false); err != nil {
		t.Errorf("the next reset: %v", err)
	}
	wantOutcome(t, d, forgetful, newPassword, domain.OutcomeOK)

	modify(expired, "passwordExpirationTime", "20200101000000Z")
	subject := find(t, d, expired).Subject
	if got := refusal(unbound.ChangePassword(t.Context(), subject, dirsrv.Password, "short")); got !=
		"new_password is too short" {
		t.Errorf("a change to a password that the policy refuses: %s", got)
	}
	if err := unbound.ChangePassword(t.Context(), subject, dirsrv.Password, newPassword); err != nil {
		t.Errorf("the next change: %v", err)
	}
	wantOutcome(t, d, expired, newPassword, domain.OutcomeOK)
}

// resetsWithLeastRights covers a service account with the rights of the documentation and no others.
func resetsWithLeastRights(t *testing.T, s *dirsrv.Server) {
	t.Helper()
	settings := dirsrvSettings(s)
	settings["bind_dn"] = dirsrv.LeastDN
	d, person := mustOpen(t, ldapdir.TypeLDAP, settings), s.People(t)(t)
	subject := find(t, d, person).Subject
	if got := refusal(d.SetPassword(t.Context(), subject, "short", false)); got != "new_password is too short" {
		t.Errorf("a reset to a password that the policy refuses: %s", got)
	}
	wantOutcome(t, d, person, dirsrv.Password, domain.OutcomeOK)
	if err := d.SetPassword(t.Context(), subject, newPassword, false); err != nil {
		t.Errorf("a reset: %v", err)
	}
	wantOutcome(t, d, person, newPassword, domain.OutcomeOK)
}

func disabledOnDirsrv(t *testing.T, d directory) {
	t.Helper()
	if !find(t, d, "disabled").Disabled {
		t.Error("a look-up finds the account enabled")
	}
	wantOutcome(t, d, "disabled", dirsrv.Password, domain.OutcomeDisabled)
	wantOutcome(t, d, "dave", dirsrv.Password, domain.OutcomeOK)
}

func lockoutOnDirsrv(t *testing.T, d directory) {
	t.Helper()
	threshold, err := d.LockoutThreshold(t.Context())
	if err != nil || threshold != 3 {
		t.Errorf("the threshold is %d, %v, want 3", threshold, err)
	}
	for range threshold + 1 {
		verify(t, d, "lockme", "wrong")
	}
	check := verify(t, d, "lockme", dirsrv.Password)
	if check.Outcome != domain.OutcomeLocked || check.LockedUntil.IsZero() {
		t.Errorf("after wrong passwords it is %v until %v (%s)", check.Outcome, check.LockedUntil, check.Detail)
	}
	if find(t, d, "lockme").Disabled {
		t.Error("a look-up finds the locked account disabled")
	}
	if err := d.SetPassword(t.Context(), find(t, d, "lockme").Subject, newPassword, false); err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, d, "lockme", newPassword, domain.OutcomeOK)
}

func wantOutcome(t *testing.T, d directory, person, password string, want domain.Outcome) {
	t.Helper()
	if check := verify(t, d, person, password); check.Outcome != want {
		t.Errorf("the password %s of %s is %v (%s), want %v", password, person, check.Outcome, check.Detail, want)
	}
}

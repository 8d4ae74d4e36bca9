package ldapdir_test

import (
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
)

const page = "../../docs/directories-ldap.md"

// settingKeys returns the settings' keys as the page writes them. Lists of rules are one key.
func settingKeys(prefix string, t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, settingKeys(key+".", f.Type)...)
		} else {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z_.]+`(?:, )?)+) \\|").FindAllStringSubmatch(string(text),
		-1) {
		for key := range strings.SplitSeq(row[1], ", ") {
			documented[strings.Trim(key, "`")] = true
		}
	}
	known := map[string]bool{}
	for _, key := range settingKeys("", reflect.TypeFor[ldapdir.Settings]()) {
		known[key] = true
		if !documented[key] {
			t.Errorf("%s is not documented", key)
		}
	}
	for key := range documented {
		if !known[key] && !strings.Contains("none change reset", key) {
			t.Errorf("%s is documented and no setting", key)
		}
	}
}

// The rights that the page gives to the service account are enough for all that it does, on a server that gives it no
// others.
func TestTheRightsOfThePageAreEnough(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, line := range regexp.MustCompile(`(?m)^access (to .*)$`).FindAllStringSubmatch(string(text), -1) {
		rule := strings.ReplaceAll(line[1], "cn=ostiary,ou=services,dc=example,dc=org", openldap.AdminDN)
		rules = append(rules, "{"+strconv.Itoa(len(rules))+"}"+rule)
	}
	if len(rules) != 4 {
		t.Fatalf("the page has the rules %q", rules)
	}
	s := openldap.Start(t, openldap.Options{Users: 10})
	s.SetAccess(t, rules)
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s))
	for _, step := range d.Check(t.Context(), "alice") {
		if !step.OK {
			t.Errorf("the check fails: %s: %s %s", step.Name, step.Detail, step.Advice)
		}
	}
	for name, want := range map[string]domain.Outcome{
		"alice": domain.OutcomeOK, "mustchange": domain.OutcomeMustChange, "expired": domain.OutcomeExpired,
		"locked": domain.OutcomeLocked,
	} {
		if check := verify(t, d, name, openldap.Password); check.Outcome != want {
			t.Errorf("%s is %v", name, check.Outcome)
		}
	}
	if everybody := list(t, d, ""); !everybody.result.Complete || len(everybody.people) != 28 {
		t.Errorf("%d people are listed", len(everybody.people))
	}
	alice := find(t, d, "alice")
	if len(alice.Groups) == 0 {
		t.Error("alice is in no group")
	}
	if err := d.ChangePassword(t.Context(), find(t, d, "bob").Subject, openldap.Password, newPassword); err != nil {
		t.Errorf("a change: %v", err)
	}
	for _, mustChange := range []bool{false, true} {
		if err := d.SetPassword(t.Context(), find(t, d, "dave").Subject, newPassword+map[bool]string{true: "2"}[mustChange],
			mustChange); err != nil {
			t.Errorf("a reset, to be changed %v: %v", mustChange, err)
		}
	}
	if check := verify(t, d, "dave", newPassword+"2"); check.Outcome != domain.OutcomeMustChange {
		t.Errorf("after a reset to be changed dave is %v", check.Outcome)
	}
}

// What the page says of Active Directory: an ordinary user in no special group is enough to read.
func TestAnOrdinaryUserIsEnoughToRead(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(sharedSamba(t)).with(tree{
		"bind_dn": "never@" + samba.Realm, "passwords": "reset",
		"roles": []tree{{"group": samba.GroupDN("eng"), "role": "operator"}},
	}))
	for _, step := range d.Check(t.Context(), "alice") {
		if !step.OK {
			t.Errorf("the check fails: %s: %s %s", step.Name, step.Detail, step.Advice)
		}
	}
	if alice := find(t, d, "alice"); alice.Role != "operator" {
		t.Errorf("alice's role is %q", alice.Role)
	}
	for name, want := range map[string]domain.Outcome{
		"alice": domain.OutcomeOK, "mustchange": domain.OutcomeMustChange,
		"disabled": domain.OutcomeDisabled,
	} {
		if check := verify(t, d, name, samba.Password); check.Outcome != want {
			t.Errorf("%s is %v", name, check.Outcome)
		}
	}
	if everybody := list(t, d, ""); !everybody.result.Complete || len(everybody.people) < samba.BulkUsers {
		t.Errorf("%d people are listed", len(everybody.people))
	}
	if threshold, err := d.LockoutThreshold(t.Context()); err != nil || threshold != 3 {
		t.Errorf("the domain locks after %d, %v", threshold, err)
	}
	if got := refusal(d.SetPassword(t.Context(), find(t, d, "dave").Subject, newPassword, false)); !strings.HasPrefix(got,
		"password_managed_externally") {
		t.Errorf("a reset without the right to it is %q", got)
	}
}

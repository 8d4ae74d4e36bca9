package directory_test

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
)

func TestOddEntriesAreSkippedAndNamed(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, func(s *ldapdir.Settings) { s.Attributes.Subject = "employeeNumber" })
	if _, err := h.service.Plan(t.Context(), domain.Operator(), "corp", nil); err == nil {
		t.Error("a listing without one usable entry gives a plan")
	}
	number := func(values ...string) func(*ldap.ModifyRequest) {
		return func(m *ldap.ModifyRequest) { m.Replace("employeeNumber", values) }
	}
	for _, uid := range []string{"alice", "bob", "dave"} {
		h.modify(t, openldap.PersonDN(uid), number("number of "+uid))
	}
	register(t, h.Services, "dave") // the directory's dave gets another username
	h.sync(t)
	h.modify(t, openldap.PersonDN("dave"), number())
	h.modify(t, openldap.PersonDN("bob"), func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{"Robert B"}) })
	unnamed := ldap.NewAddRequest("cn=unnamed,ou=people,"+openldap.Base, nil)
	unnamed.Attribute("objectClass", []string{"inetOrgPerson"})
	unnamed.Attribute("sn", []string{"Unnamed"})
	unnamed.Attribute("employeeNumber", []string{"number of nobody"})
	if err := h.slapd.Root(t).Add(unnamed); err != nil {
		t.Fatal(err)
	}
	plan := h.plan(t)
	skipped := map[string]string{}
	for _, s := range plan.Steps {
		if s.Kind == directory.StepSkip {
			skipped[s.Username] = s.Reason
		}
	}
	for name, want := range map[string]string{
		"dave": "shows no employeeNumber", "carol": "shows no employeeNumber", "number of nobody": "cannot be a user",
	} {
		if !strings.Contains(skipped[name], want) {
			t.Errorf("%s: the plan says %q, want %q", name, skipped[name], want)
		}
	}
	if n := plan.Count(directory.StepDisable); n != 0 {
		t.Errorf("%d users would be disabled", n)
	}
	if result := h.apply(t, plan); result.Updated != 1 || result.Failed != 0 {
		t.Errorf("%d updated, %d failed: %v", result.Updated, result.Failed, result.Failures)
	}
	if err := h.service.RunScheduled(t.Context()); err != nil {
		t.Errorf("a scheduled run: %v", err)
	}
}

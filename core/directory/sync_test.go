package directory_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

// fixture is a set of services with a real slapd as its directory "corp".
type fixture struct {
	*kit.Services
	slapd   *openldap.Server
	corp    ports.Directory
	service *directory.Service

	settings ldapdir.Settings
}

func newFixture(t *testing.T, users int, change func(*ldapdir.Settings)) *fixture {
	t.Helper()
	h := &fixture{slapd: openldap.Start(t, openldap.Options{Users: users})}
	s := ldapdir.Defaults(ldapdir.TypeLDAP)
	s.URLs, s.CAFile, s.BaseDN, s.Passwords = []string{h.slapd.TLSURL}, h.slapd.CAFile, openldap.Base,
		ldapdir.PasswordsReset
	s.BindDN, s.BindPassword = openldap.AdminDN, openldap.Password
	s.Disabled = ldapdir.Disabled{Attribute: "employeeType", Values: []string{"inactive"}}
	s.PasswordPolicy = openldap.PolicyDN
	// the machine may be busy
	s.Timeouts = ldapdir.Timeouts{Connect: 30 * time.Second, Request: time.Minute, Operation: 2 * time.Minute}
	if change != nil {
		change(&s)
	}
	h.settings = s
	var err error
	if h.corp, err = ldapdir.New("corp", ldapdir.TypeLDAP, s, wall{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.corp.Close(t.Context()) })
	h.Services = kit.Start(t, kit.Options{Directories: []ports.Directory{h.corp}})
	h.service = h.newService(t, 5)
	return h
}

type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func (h *fixture) newService(t *testing.T, maxDisablePercent int) *directory.Service {
	t.Helper()
	return h.Node(t, func(o *kit.Options) { o.MaxDisablePercent = maxDisablePercent }).Directory
}

func (h *fixture) plan(t *testing.T) directory.Plan {
	t.Helper()
	plan, err := h.service.Plan(t.Context(), domain.Operator(), "corp", nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func (h *fixture) apply(t *testing.T, plan directory.Plan) directory.Result {
	t.Helper()
	result, err := h.service.Apply(t.Context(), domain.Operator(), "corp", directory.Application{Digest: plan.Digest})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// sync plans and applies a synchronization.
func (h *fixture) sync(t *testing.T) {
	t.Helper()
	h.apply(t, h.plan(t))
}

func (h *fixture) user(t *testing.T, name string) domain.User {
	t.Helper()
	u, err := h.Store.Users().FindByLogin(t.Context(), h.CaseFolder.Fold(name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return u
}

func (h *fixture) modify(t *testing.T, dn string, change func(*ldap.ModifyRequest)) {
	t.Helper()
	m := ldap.NewModifyRequest(dn, nil)
	change(m)
	if err := h.slapd.Root(t).Modify(m); err != nil {
		t.Fatal(err)
	}
}

func (h *fixture) remove(t *testing.T, dn string) {
	t.Helper()
	if err := h.slapd.Root(t).Del(ldap.NewDelRequest(dn, nil)); err != nil {
		t.Fatal(err)
	}
}

func steps(plan directory.Plan, kind directory.StepKind) []string {
	names := []string{}
	for _, s := range plan.Steps {
		if s.Kind == kind {
			names = append(names, s.Username+strings.Join(append([]string{""}, s.Fields...), " ")+s.Reason)
		}
	}
	slices.Sort(names)
	return names
}

func TestPlanOfFirstRun(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 10, nil)
	if err := h.slapd.Root(t).ModifyDN(ldap.NewModifyDNRequest(openldap.PersonDN("young"), "uid=yo\u3164ung", true,
		"")); err != nil {
		t.Fatal(err)
	}
	var reported int
	plan, err := h.service.Plan(t.Context(), domain.Operator(), "corp", func(done, _ int) { reported = done })
	if err != nil {
		t.Fatal(err)
	}
	if plan.Listed != 28 || reported != 28 || !plan.Complete || plan.SafetyLimit != "" {
		t.Errorf("listed %d, reported %d, complete %v, safety limit %q", plan.Listed, reported, plan.Complete,
			plan.SafetyLimit)
	}
	// Of 28 accounts, two are disabled in the directory and one has an invalid username.
	if got := plan.Count(directory.StepCreate); got != 25 {
		t.Errorf("%d create steps, want 25", got)
	}
	if diff := cmp.Diff([]string{"yo\u3164ungcannot be a user: username must be 1 to 256 visible characters"},
		steps(plan, directory.StepSkip)); diff != "" {
		t.Errorf("skip steps (-want +got)\n%s", diff)
	}
	if again := h.plan(t); again.Digest != plan.Digest {
		t.Error("the digest of the same plan differs")
	}
	if page, _ := h.Store.Users().List(t.Context(), domain.UserQuery{
		Directory: "corp", Sort: domain.SortCreated,
		Page: domain.Page{Number: 1, Limit: 1},
	}); page.Total != 0 {
		t.Error("a plan changed something")
	}
}

func TestApplyPerformsThePlan(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, func(s *ldapdir.Settings) {
		s.Roles = []ldapdir.RoleRule{{Group: "eng", Role: "operator"}}
	})
	local := h.Register(t, "bob", "Str0ng-enough-word!", "user") // the name of an account in the directory
	plan := h.plan(t)
	result := h.apply(t, plan)
	if result.Created != plan.Count(directory.StepCreate) || result.Failed != 0 {
		t.Fatalf("created %d of %d, failed %q", result.Created, plan.Count(directory.StepCreate), result.Failures)
	}
	if alice := h.user(t, "alice"); alice.Role != "operator" || alice.Email != "alice@example.org" ||
		alice.Directory != "corp" {
		t.Errorf("alice: role %q, directory %q, email %q", alice.Role, alice.Directory, alice.Email)
	}
	if bob := h.user(t, "bob"); bob.ID != local.ID || bob.Directory != "local" {
		t.Error("the local user bob was replaced")
	}
	if bob := h.user(t, "bob@corp"); bob.Directory != "corp" {
		t.Error("bob@corp does not belong to the directory")
	}
	if again := h.plan(t); !again.IsEmpty() {
		t.Errorf("a second plan is not empty: %q %q", steps(again, directory.StepCreate), steps(again, directory.StepUpdate))
	}
	last := h.lastEntry(t)
	if last.Action != domain.ActionDirectorySync || last.UserID != "cli" {
		t.Errorf("the last entry is %s by %s", last.Action, last.UserID)
	}
}

func (h *fixture) lastEntry(t *testing.T) domain.AuditEntry {
	t.Helper()
	entries := h.Entries(t)
	return entries[len(entries)-1]
}

func TestPlanListsChanges(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 100, func(s *ldapdir.Settings) {
		s.Roles = []ldapdir.RoleRule{{Group: "eng", Role: "operator"}}
	})
	h.sync(t)
	h.modify(t, openldap.PersonDN("dave"),
		func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{"David Dunn"}) })
	h.modify(t, openldap.GroupDN("eng"),
		func(m *ldap.ModifyRequest) { m.Delete("member", []string{openldap.PersonDN("bob")}) })
	h.modify(t, openldap.PersonDN("soon"), func(m *ldap.ModifyRequest) { m.Replace("employeeType", []string{"inactive"}) })
	h.modify(t, openldap.PersonDN("user000001"),
		func(m *ldap.ModifyRequest) { m.Replace("mail", []string{"alice@example.org"}) })
	h.remove(t, openldap.PersonDN("user000007"))
	plan := h.plan(t)
	want := map[directory.StepKind][]string{
		directory.StepCreate:  {},
		directory.StepUpdate:  {"bob role", "dave full_name", "user000001 email"},
		directory.StepDisable: {"soondisabled in the directory", "user000007gone from the directory"},
	}
	for kind, names := range want {
		if diff := cmp.Diff(names, steps(plan, kind)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", kind, diff)
		}
	}
	h.apply(t, plan)
	if u := h.user(t, "user000007"); u.Status != domain.StatusDeactivated {
		t.Errorf("status of the removed user: %s", u.Status)
	}
	if u := h.user(t, "bob"); u.Role != domain.RoleUser {
		t.Errorf("role of the user who left the group: %s", u.Role)
	}
	if again := h.plan(t); !again.IsEmpty() {
		t.Error("a second plan is not empty")
	}
}

func TestApplyRefusesChangedPlan(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	plan := h.plan(t)
	h.modify(t, openldap.PersonDN("dave"),
		func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{"David Dunn"}) })
	_, err := h.service.Apply(t.Context(), domain.Operator(), "corp",
		directory.Application{Digest: plan.Digest, Force: true})
	if !errors.Is(err, directory.ErrPlanChanged) || fault.Of(err).Extra()["digest"] != h.plan(t).Digest {
		t.Errorf("Apply: got error %v, want ErrPlanChanged with the new digest", err)
	}
	if _, err := h.Store.Users().FindByLogin(t.Context(), "alice"); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("something was applied: %v", err)
	}
}

func TestSafetyLimits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		users   int
		percent int
		atLeast int      // MaxDisableUsers
		remove  []string // nil removes all accounts
		want    string
	}{
		"few accounts removed": {100, 5, 0, []string{openldap.PersonDN("user000001")}, ""},
		"more than allowed": {
			0, 5, 0,
			[]string{openldap.PersonDN("dave")},
			"1 of 16 active users would be disabled, more than 5 %",
		},
		"more with a higher limit": {0, 50, 0, []string{openldap.PersonDN("dave")}, ""},
		"one of few":               {0, 5, 5, []string{openldap.PersonDN("dave")}, ""},
		"more than a few": {
			0, 5, 1,
			[]string{openldap.PersonDN("dave"), openldap.PersonDN("bob")},
			"2 of 16 active users would be disabled, more than 5 % and more than 1 users or half of them",
		},
		"empty listing": {0, 100, 0, nil, "the directory lists no users, but has 16 active users here"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t, tt.users, nil)
			h.sync(t)
			h.service = h.Node(t, func(o *kit.Options) {
				o.MaxDisablePercent, o.MaxDisableUsers = tt.percent, tt.atLeast
			}).Directory
			if tt.remove == nil {
				tt.remove = h.everybody(t)
			}
			for _, dn := range tt.remove {
				h.remove(t, dn)
			}
			plan := h.plan(t)
			if plan.SafetyLimit != tt.want {
				t.Fatalf("plan.SafetyLimit is %q, want %q", plan.SafetyLimit, tt.want)
			}
			if tt.want == "" {
				h.apply(t, plan)
				return
			}
			h.stopsAtLimit(t, plan)
		})
	}
}

// stopsAtLimit tests that Apply stops at the plan's safety limit and that Force overrides it.
func (h *fixture) stopsAtLimit(t *testing.T, plan directory.Plan) {
	t.Helper()
	_, err := h.service.Apply(t.Context(), domain.Operator(), "corp", directory.Application{Digest: plan.Digest})
	if !errors.Is(err, directory.ErrSafetyLimit) {
		t.Fatalf("Apply: got error %v, want ErrSafetyLimit", err)
	}
	if again := h.plan(t); again.Digest != plan.Digest {
		t.Error("something was applied")
	}
	if h.lastEntry(t).Details["brake"] != plan.SafetyLimit {
		t.Error("the audit log does not record the safety limit")
	}
	result, err := h.service.Apply(t.Context(), domain.Operator(), "corp",
		directory.Application{Digest: plan.Digest, Force: true})
	if err != nil || result.Disabled == 0 {
		t.Errorf("forced: disabled %d, error %v", result.Disabled, err)
	}
}

func (h *fixture) everybody(t *testing.T) []string {
	t.Helper()
	res, err := h.slapd.Root(t).Search(ldap.NewSearchRequest(openldap.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases,
		0, 0, false,
		"(objectClass=inetOrgPerson)", []string{"1.1"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	var dns []string
	for _, e := range res.Entries {
		dns = append(dns, e.DN)
	}
	return dns
}

func TestPartialListingDisablesNoUser(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 1200, nil)
	h.sync(t)
	h.slapd.LetEverybodyRead(t)
	// This account may page through 500 entries only.
	s := ldapdir.Defaults(ldapdir.TypeLDAP)
	s.URLs, s.CAFile, s.BaseDN, s.PageSize = []string{h.slapd.TLSURL}, h.slapd.CAFile, openldap.Base, 200
	s.BindDN, s.BindPassword = openldap.PersonDN("alice"), openldap.Password
	corp, err := ldapdir.New("corp", ldapdir.TypeLDAP, s, wall{})
	if err != nil {
		t.Fatal(err)
	}
	defer corp.Close(t.Context())
	h.service = h.Node(t, func(o *kit.Options) {
		o.MaxDisablePercent, o.Directories = 100,
			[]ports.Directory{corp}
	}).Directory
	_, err = h.service.Plan(t.Context(), domain.Operator(), "corp", nil)
	if !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("Plan: got error %v, want ErrDirectoryUnavailable", err)
	}
	for _, want := range []string{"500 entries below " + openldap.Base, "Size Limit Exceeded", "size.prtotal=unlimited"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Plan: the error %v does not contain %q", err, want)
		}
	}
	if err := h.service.RunScheduled(t.Context()); !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("RunScheduled: got error %v, want ErrDirectoryUnavailable", err)
	}
	if status := h.service.Status()["corp"]; !status.Failed {
		t.Error("the status does not report the failure")
	}
}

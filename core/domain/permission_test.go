package domain_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func TestPermissionCovers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		held, asked domain.Permission
		want        bool
	}{
		"the same":                                  {"bots.use", "bots.use", true},
		"another action":                            {"bots.use", "bots.manage", false},
		"a pattern of the resource":                 {"bots.*", "bots.manage", true},
		"a pattern does not reach a longer name":    {"bots.*", "botsx.manage", false},
		"a pattern gives a narrower pattern":        {"kb.*", "kb.docs.*", true},
		"a permission does not give its pattern":    {"bots.use", "bots.*", false},
		"all permissions":                           {"*", "tickets.manage", true},
		"all permissions cover patterns":            {"*", "users.*", true},
		"a pattern does not cover all permissions":  {"users.*", "*", false},
		"users.manage implies users.read":           {"users.manage", "users.read", true},
		"users.manage implies groups.manage":        {"users.manage", "groups.manage", true},
		"implication holds through a pattern":       {"users.*", "sessions.manage", true},
		"system.configure implies audit.read":       {"system.configure", "audit.read", true},
		"system.configure does not imply users.*":   {"system.configure", "users.read", false},
		"users.read does not imply users.manage":    {"users.read", "users.manage", false},
		"implication does not run through patterns": {"users.manage", "groups.*", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.held.Covers(test.asked); got != test.want {
				t.Errorf("%s covers %s: got %v", test.held, test.asked, got)
			}
		})
	}
}

func TestGrantsRefuseWhatTheHolderLacks(t *testing.T) {
	t.Parallel()
	holding := func(permissions ...domain.Permission) domain.Grants {
		var g domain.Grants
		for _, p := range permissions {
			g = append(g, domain.Grant{Source: "role:test", Permission: p})
		}
		return g
	}
	helpdesk, admin := holding("users.manage"), holding("users.manage", "system.configure")
	tests := map[string]struct {
		by      domain.Grants
		give    domain.Permission
		refused bool
	}{
		"helpdesk gives a foreign permission":             {helpdesk, "tickets.manage", false},
		"helpdesk gives what it holds":                    {helpdesk, "users.manage", false},
		"helpdesk gives what it holds by implication":     {helpdesk, "groups.manage", false},
		"helpdesk does not give system.configure":         {helpdesk, "system.configure", true},
		"helpdesk does not give everything":               {helpdesk, "*", true},
		"helpdesk does not give a pattern over its own":   {helpdesk, "users.*", true},
		"helpdesk does not give audit.read":               {helpdesk, "audit.read", true},
		"system.configure gives any administrative one":   {admin, "api_keys.manage", false},
		"system.configure does not give everything":       {admin, "*", true},
		"all permissions grant all permissions":           {holding("*"), "*", false},
		"a service's own resource in a longer name":       {helpdesk, "audit.export.all", true},
		"a foreign resource that begins alike is foreign": {helpdesk, "auditing.read", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, got := test.by.FirstNotGrantable([]domain.Permission{test.give}); got != test.refused {
				t.Errorf("refused: got %v, want %v", got, test.refused)
			}
		})
	}
}

func TestParsePermissions(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		"", "users", "Users.read", "users.", ".read", "users..read", "users.read ", "users.*.x",
		"**", "us*.read", "žluť.x",
	} {
		if _, err := domain.ParseGrantedPermissions([]string{wrong}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q was accepted as a permission", wrong)
		}
	}
	if _, err := domain.ParsePermission("users.*"); err == nil {
		t.Error("a pattern was accepted as a permission to check")
	}
	got, err := domain.ParseGrantedPermissions([]string{"a.b", "*", "a.b", "api_keys.manage", "x.y.*"})
	if err != nil || len(got) != 4 {
		t.Errorf("got %v, %v; want four without the duplicate", got, err)
	}
}

func TestBuiltInRolesAreAsDocumented(t *testing.T) {
	t.Parallel()
	roles := map[domain.RoleID]domain.Role{}
	for _, r := range domain.BuiltInRoles() {
		if _, err := domain.ParseGrantedPermissions(texts(r.Permissions)); err != nil || !r.BuiltIn {
			t.Errorf("%s: %v", r.ID, err)
		}
		roles[r.ID] = r
	}
	want := map[domain.RoleID]int{
		"sudo": 0, "admin": 1, "supervisor": 2, "operator": 10, "user": 50, "auditor": 100,
		"guest": 256,
	}
	for id, level := range want {
		if roles[id].Level != level {
			t.Errorf("%s has level %d, want %d", id, roles[id].Level, level)
		}
	}
	catalog := domain.NewCatalog(1, domain.DefaultSettings(), slices.Collect(maps.Values(roles)), nil)
	if !catalog.Grants(&domain.User{Role: "admin"}).IsAdministrator() ||
		!catalog.Grants(&domain.User{Role: "sudo"}).IsAdministrator() {
		t.Error("admin and sudo must be administrators")
	}
	if catalog.Grants(&domain.User{Role: "supervisor"}).IsAdministrator() {
		t.Error("supervisor must not be an administrator")
	}
}

func texts(permissions []domain.Permission) []string {
	var all []string
	for _, p := range permissions {
		all = append(all, string(p))
	}
	return all
}

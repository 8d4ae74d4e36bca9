package access_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// roleManager returns the principal of a user whose role has a low level, roles.manage and the given permissions.
func (p *people) roleManager(t *testing.T, permissions ...string) domain.Principal {
	t.Helper()
	level := 0
	if _, err := p.Access.CreateRole(t.Context(), domain.Operator(), access.RoleInput{
		ID: "keeper", Name: "LocalPasswords", Permissions: append([]string{"roles.manage"}, permissions...), Level: &level,
	}); err != nil {
		t.Fatal(err)
	}
	p.Register(t, "keeper", password, "keeper")
	_, by := p.SignIn(t, "keeper", password, "198.51.100.9")
	return by
}

func (p *people) roles(t *testing.T) map[domain.RoleID]domain.Role {
	t.Helper()
	catalog, err := p.Access.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	roles := map[domain.RoleID]domain.Role{}
	for role := range catalog.Roles.All() {
		roles[role.ID] = role
	}
	return roles
}

// TestChangingARoleRequiresItsPermissions tests that a user with only roles.manage changes no role with more
// permissions.
func TestChangingARoleRequiresItsPermissions(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	by := p.roleManager(t, "kb.edit")
	for id, permissions := range map[string][]string{"editor": {"kb.edit"}, "clerk": {"kb.edit", "tickets.close"}} {
		in := access.RoleInput{ID: id, Name: id, Permissions: permissions}
		if _, err := p.Access.CreateRole(t.Context(), domain.Operator(), in); err != nil {
			t.Fatal(err)
		}
	}
	before := p.roles(t)
	patches := map[string]access.RolePatch{
		"another level": {Level: new(900)}, "another name": {Name: new("Changed")},
		"no permissions": {Permissions: &[]string{}},
	}
	for _, id := range []string{"admin", "user", "sudo", "auditor", "guest", "clerk"} {
		for name, patch := range patches {
			if _, err := p.Access.UpdateRole(t.Context(), by, id, patch); !errors.Is(err, fault.ErrForbidden) {
				t.Errorf("%s for %s: got error %v, want %v", name, id, err, fault.ErrForbidden)
			}
		}
	}
	if err := p.Access.DeleteRole(t.Context(), by, "clerk"); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("deleting a role with more permissions: got error %v, want %v", err, fault.ErrForbidden)
	}
	if diff := cmp.Diff(before, p.roles(t)); diff != "" {
		t.Errorf("roles have changed (-before +after):\n%s", diff)
	}
	if _, err := p.Access.UpdateRole(t.Context(), by, "editor", access.RolePatch{Level: new(900)}); err != nil {
		t.Errorf("changing a role with no more permissions: %v", err)
	}
	if err := p.Access.DeleteRole(t.Context(), by, "editor"); err != nil {
		t.Errorf("deleting a role with no more permissions: %v", err)
	}
}

// TestRoleOfAdministratorLevelRequiresAdministrator uses a role without permissions that has the level of an
// administrator.
func TestRoleOfAdministratorLevelRequiresAdministrator(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	by := p.roleManager(t)
	in := access.RoleInput{ID: "chief", Name: "Chief", Permissions: []string{}, Level: new(1)}
	if _, err := p.Access.CreateRole(t.Context(), p.root, in); err != nil {
		t.Fatal(err)
	}
	patch := access.RolePatch{Level: new(500)}
	if _, err := p.Access.UpdateRole(t.Context(), by, "chief", patch); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("with roles.manage only: got error %v, want %v", err, fault.ErrForbidden)
	}
	if _, err := p.Access.UpdateRole(t.Context(), p.root, "chief", patch); err != nil {
		t.Errorf("by an administrator: %v", err)
	}
}

func TestBuiltInRolesKeepTheirLevel(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	for _, role := range domain.BuiltInRoles() {
		update := func(patch access.RolePatch) error {
			_, err := p.Access.UpdateRole(t.Context(), domain.Operator(), string(role.ID), patch)
			return err
		}
		if err := update(access.RolePatch{Level: new(role.Level + 7)}); !errors.Is(err, domain.ErrRoleLevel) {
			t.Errorf("%s: got error %v, want %v", role.ID, err, domain.ErrRoleLevel)
		}
		if err := update(access.RolePatch{Level: new(role.Level), Name: new("Renamed")}); err != nil {
			t.Errorf("%s with its own level: %v", role.ID, err)
		}
	}
}

// TestRepairRestoresBuiltInRoles damages roles as roles.manage could in earlier versions.
func TestRepairRestoresBuiltInRoles(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	want := p.roles(t)
	for id, damage := range map[domain.RoleID]func(*domain.Role){
		"admin": func(r *domain.Role) { r.Level = 4000 },
		"user":  func(r *domain.Role) { r.Level, r.Permissions = 3, []domain.Permission{"bots.manage"} },
		"sudo":  func(r *domain.Role) { r.Permissions = []domain.Permission{"bots.manage"} },
	} {
		if _, err := p.Ports.Roles.Update(t.Context(), id, func(r *domain.Role, _ *domain.Outbox) error {
			damage(r)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Access.RepairRoles(t.Context(), p.root, "sudo"); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a role with \"*\" by an administrator without it: %v", err)
	}
	_, err := p.Access.RepairRoles(t.Context(), domain.Operator(), "user", "ghost")
	if !errors.Is(err, domain.ErrRoleNotFound) {
		t.Errorf("an unknown role: %v", err)
	}
	one, err := p.Access.RepairRoles(t.Context(), p.root, "user")
	if err != nil || len(one) != 1 || !one[0].Changed {
		t.Errorf("one role: %+v, %v", one, err)
	}
	repaired, err := p.Access.RepairRoles(t.Context(), domain.Operator())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range repaired {
		if r.Changed != (r.Role.ID == domain.RoleAdmin || r.Role.ID == domain.RoleSudo) {
			t.Errorf("%s: changed is %t", r.Role.ID, r.Changed)
		}
	}
	if diff := cmp.Diff(want, p.roles(t)); diff != "" {
		t.Errorf("the roles differ from the shipped ones (-want +got):\n%s", diff)
	}
	var recorded []string
	for _, e := range p.Logged(t, domain.ActionPermissionChange) {
		if e.Details["repair"] == true {
			recorded = append(recorded, e.Target)
		}
	}
	if diff := cmp.Diff([]string{"admin", "sudo", "user"}, slices.Sorted(slices.Values(recorded))); diff != "" {
		t.Errorf("the recorded repairs differ (-want +got):\n%s", diff)
	}
}

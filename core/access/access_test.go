package access_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

const password = "Correct-Horse-7-Battery"

// people is an installation with somebody of each sort.
type people struct {
	*kit.Services
	root, desk, plain domain.Principal
	rootID, plainID   domain.UserID
}

func meet(t *testing.T) *people {
	t.Helper()
	p := &people{Services: kit.Start(t, kit.Options{})}
	p.rootID = p.Register(t, "root", password, "admin").ID
	p.plainID = p.Register(t, "plain", password, "user").ID
	p.Register(t, "desk", password, "user")
	p.group(t, "helpdesk", "users.manage")
	p.join(t, "helpdesk", "desk")
	_, p.root = p.SignIn(t, "root", password, "198.51.100.1")
	_, p.plain = p.SignIn(t, "plain", password, "198.51.100.2")
	_, p.desk = p.SignIn(t, "desk", password, "198.51.100.3")
	return p
}

func (p *people) group(t *testing.T, name string, permissions ...string) domain.Group {
	t.Helper()
	g, err := p.Access.CreateGroup(t.Context(), domain.Operator(), access.GroupInput{Name: name, Permissions: permissions})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (p *people) join(t *testing.T, group, name string) {
	t.Helper()
	user, err := p.Store.Users().FindByLogin(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Access.AddMember(t.Context(), domain.Operator(), group, string(user.ID)); err != nil {
		t.Fatal(err)
	}
}

func TestZ05_NobodyGivesWhatTheyLack(t *testing.T) {
	t.Parallel()
	p := meet(t)
	p.group(t, "admin_team", "system.configure")
	p.group(t, "support", "tickets.manage")
	update := func(by domain.Principal, id domain.UserID, patch account.Patch) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := p.Account.Update(t.Context(), by, id, patch)
			return err
		}
	}
	group := func(by domain.Principal, permissions ...string) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := p.Access.CreateGroup(t.Context(), by, access.GroupInput{Name: "new", Permissions: permissions})
			return err
		}
	}
	member := func(by domain.Principal, name string, id domain.UserID) func(*testing.T) error {
		return func(t *testing.T) error {
			t.Helper()
			_, err := p.Access.AddMember(t.Context(), by, name, string(id))
			return err
		}
	}
	tests := map[string]struct {
		do   func(*testing.T) error
		want error
	}{
		"the helpdesk makes an administrator of somebody":      {update(p.desk, p.plainID, account.Patch{Role: new("admin")}), fault.ErrForbidden},
		"the helpdesk makes an administrator of themselves":    {update(p.desk, p.desk.UserID, account.Patch{Role: new("admin")}), fault.ErrForbidden},
		"the helpdesk makes somebody a superuser":              {update(p.desk, p.plainID, account.Patch{Role: new("sudo")}), fault.ErrForbidden},
		"an administrator makes somebody a superuser":          {update(p.root, p.plainID, account.Patch{Role: new("sudo")}), fault.ErrForbidden},
		"the helpdesk writes system.configure into a group":    {group(p.desk, "system.configure"), fault.ErrForbidden},
		"the helpdesk writes everything into a group":          {group(p.desk, "*"), fault.ErrForbidden},
		"the helpdesk writes all of users into a group":        {group(p.desk, "users.*"), fault.ErrForbidden},
		"the helpdesk writes another service's into a group":   {group(p.desk, "tickets.manage"), fault.ErrForbidden},
		"an administrator writes another service's":            {group(p.root, "tickets.manage"), nil},
		"an administrator writes everything into a group":      {group(p.root, "*"), fault.ErrForbidden},
		"the helpdesk puts themselves into the administrators": {member(p.desk, "admin_team", p.desk.UserID), fault.ErrForbidden},
		"the helpdesk puts somebody into the administrators":   {member(p.desk, "admin_team", p.plainID), fault.ErrForbidden},
		"the helpdesk puts somebody into the support":          {member(p.desk, "support", p.plainID), nil},
		"the helpdesk puts themselves into the support":        {member(p.desk, "support", p.desk.UserID), fault.ErrForbidden},
		"a user makes a group":                                 {group(p.plain, "kb.edit"), fault.ErrForbidden},
		"the helpdesk makes a role": {func(t *testing.T) error {
			t.Helper()
			_, err := p.Access.CreateRole(t.Context(), p.desk, access.RoleInput{ID: "boss", Name: "Boss", Permissions: []string{"users.manage"}})
			return err
		}, fault.ErrForbidden},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tc.do(t); !errors.Is(err, tc.want) {
				t.Errorf("got error %v, want %v", err, tc.want)
			}
		})
	}
}

func TestZ08_CheckNamesItsSourceAndIsForOneselfOrReaders(t *testing.T) {
	t.Parallel()
	p := meet(t)
	p.group(t, "support", "tickets.*")
	p.join(t, "support", "plain")
	for permission, want := range map[string]access.Decision{
		"bots.use":       {Permission: "bots.use", Granted: true, Source: "role:user"},
		"tickets.manage": {Permission: "tickets.manage", Granted: true, Source: "group:support"},
		"users.read":     {Permission: "users.read"},
	} {
		got, err := p.Access.Check(t.Context(), p.root, p.plainID, permission)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", permission, diff)
		}
	}
	if got, err := p.Access.Check(t.Context(), p.root, p.desk.UserID, "sessions.manage"); err != nil || got.Source != "group:helpdesk" {
		t.Errorf("an implied permission: %+v, %v, want the group that implies it", got, err)
	}
	if _, err := p.Access.Check(t.Context(), p.plain, p.rootID, "bots.use"); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("a user about somebody else: %v", err)
	}
	if _, err := p.Access.Check(t.Context(), p.plain, p.plainID, "Bots"); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("a name that is none: %v", err)
	}
	explained, err := p.Access.Explain(t.Context(), p.root, p.plainID, "users.read")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"role:admin", "role:auditor", "role:sudo", "role:supervisor", "group:helpdesk"}
	if diff := cmp.Diff(want, explained.WouldBeGrantedBy); diff != "" {
		t.Errorf("what would grant differs (-want +got):\n%s", diff)
	}
}

func TestZ09_S03_ChangesOfGroupsAndRolesReachTheNextRequest(t *testing.T) {
	t.Parallel()
	p := meet(t)
	signedIn, _ := p.SignIn(t, "plain", password, "198.51.100.4")
	can := func(permission domain.Permission) bool {
		t.Helper()
		by, err := p.Auth.Authenticate(t.Context(), signedIn.Tokens.Access, kit.Origin)
		if err != nil {
			t.Fatal(err)
		}
		return by.Can(permission)
	}
	step := func(what string, err error, permission domain.Permission, want bool) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if can(permission) != want {
			t.Errorf("after %s, %s is %t for the very next request", what, permission, !want)
		}
	}
	p.group(t, "support", "tickets.manage")
	_, err := p.Access.AddMember(t.Context(), p.root, "support", string(p.plainID))
	step("joining", err, "tickets.manage", true)
	_, err = p.Access.UpdateGroup(t.Context(), p.root, "support", access.GroupPatch{Permissions: &[]string{"kb.edit"}})
	step("a change of the group", err, "tickets.manage", false)
	_, err = p.Access.RemoveMember(t.Context(), p.root, "support", string(p.plainID))
	step("leaving", err, "kb.edit", false)
	_, err = p.Access.AddMember(t.Context(), p.root, "support", string(p.plainID))
	step("joining again", err, "kb.edit", true)
	_, err = p.Access.DeleteGroup(t.Context(), p.root, "support")
	step("deleting the group", err, "kb.edit", false)
	_, err = p.Access.UpdateRole(t.Context(), p.root, "user", access.RolePatch{Permissions: &[]string{"profile.edit", "kb.read"}})
	step("a change of the role", err, "kb.read", true)
	_, err = p.Account.Update(t.Context(), p.root, p.plainID, account.Patch{Role: new("guest")})
	step("another role", err, "kb.read", false)
}

func TestZ07_TheLastAdministratorIsNotLostByAGroupOrARole(t *testing.T) {
	t.Parallel()
	p := meet(t)
	// The only administrator is one by a group.
	p.group(t, "admins", "users.manage", "system.configure")
	p.join(t, "admins", "plain")
	if _, err := p.Account.Update(t.Context(), domain.Operator(), p.rootID, account.Patch{Role: new("user")}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"out of the group":  fail(p.Access.RemoveMember(t.Context(), domain.Operator(), "admins", string(p.plainID))),
		"without the group": fail(p.Access.DeleteGroup(t.Context(), domain.Operator(), "admins")),
		"less in the group": fail(p.Access.UpdateGroup(t.Context(), domain.Operator(), "admins", access.GroupPatch{Permissions: &[]string{"users.manage"}})),
		"deactivated":       fail(p.Account.Deactivate(t.Context(), domain.Operator(), p.plainID)),
	} {
		if !errors.Is(err, domain.ErrLastAdmin) {
			t.Errorf("%s: got error %v, want %v", name, err, domain.ErrLastAdmin)
		}
	}
}

func fail[T any](_ T, err error) error { return err }

func TestZ07_TwoAdministratorsDoNotDemoteEachOther(t *testing.T) {
	t.Parallel()
	p := meet(t)
	second := p.Register(t, "second", password, "admin").ID
	for range 10 {
		var done atomic.Int64
		var wg sync.WaitGroup
		for _, id := range []domain.UserID{p.rootID, second} {
			wg.Go(func() {
				_, err := p.Account.Update(t.Context(), domain.Operator(), id, account.Patch{Role: new("user")})
				switch {
				case err == nil:
					done.Add(1)
				case !errors.Is(err, domain.ErrLastAdmin):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if done.Load() != 1 {
			t.Fatalf("%d of two racing demotions succeeded, want 1", done.Load())
		}
		for _, id := range []domain.UserID{p.rootID, second} {
			if _, err := p.Account.Update(t.Context(), domain.Operator(), id, account.Patch{Role: new("admin")}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRolesInUseAndBuiltInOnesStay(t *testing.T) {
	t.Parallel()
	p := meet(t)
	if _, err := p.Access.CreateRole(t.Context(), p.root, access.RoleInput{ID: "clerk", Name: "Clerk", Permissions: []string{"kb.edit"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Account.Update(t.Context(), p.root, p.plainID, account.Patch{Role: new("clerk")}); err != nil {
		t.Fatal(err)
	}
	if err := p.Access.DeleteRole(t.Context(), p.root, "clerk"); !errors.Is(err, domain.ErrRoleInUse) {
		t.Errorf("a role in use: %v", err)
	}
	if err := p.Access.DeleteRole(t.Context(), p.root, "auditor"); !errors.Is(err, domain.ErrRoleBuiltIn) {
		t.Errorf("a built-in role: %v", err)
	}
	if err := p.Access.DeleteRole(t.Context(), p.root, "ghost"); !errors.Is(err, domain.ErrRoleNotFound) {
		t.Errorf("a role that is none: %v", err)
	}
}

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

// people is an installation with one user of each kind.
type people struct {
	*kit.Services
	root, desk, plain domain.Principal
	rootID, plainID   domain.UserID
}

func newPeople(t *testing.T) *people {
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

func TestNoPrincipalGrantsWhatItLacks(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
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
		"the helpdesk makes another user an administrator": {
			update(p.desk, p.plainID, account.Patch{Role: new("admin")}),
			fault.ErrForbidden,
		},
		"the helpdesk makes itself an administrator": {update(p.desk, p.desk.UserID,
			account.Patch{Role: new("admin")}), fault.ErrForbidden},
		"the helpdesk makes a user a superuser": {
			update(p.desk, p.plainID, account.Patch{Role: new("sudo")}),
			fault.ErrForbidden,
		},
		"an administrator makes a user a superuser": {
			update(p.root, p.plainID, account.Patch{Role: new("sudo")}),
			fault.ErrForbidden,
		},
		"the helpdesk adds system.configure to a group":      {group(p.desk, "system.configure"), fault.ErrForbidden},
		"the helpdesk adds * to a group":                     {group(p.desk, "*"), fault.ErrForbidden},
		"the helpdesk adds users.* to a group":               {group(p.desk, "users.*"), fault.ErrForbidden},
		"the helpdesk adds another service's permission":     {group(p.desk, "tickets.manage"), fault.ErrForbidden},
		"an administrator adds another service's permission": {group(p.root, "tickets.manage"), nil},
		"an administrator adds * to a group":                 {group(p.root, "*"), fault.ErrForbidden},
		"the helpdesk joins the administrators": {
			member(p.desk, "admin_team", p.desk.UserID),
			fault.ErrForbidden,
		},
		"the helpdesk adds a user to the administrators": {member(p.desk, "admin_team", p.plainID), fault.ErrForbidden},
		"the helpdesk adds a user to the support":        {member(p.desk, "support", p.plainID), nil},
		"the helpdesk joins the support":                 {member(p.desk, "support", p.desk.UserID), fault.ErrForbidden},
		"a user creates a group":                         {group(p.plain, "kb.edit"), fault.ErrForbidden},
		"the helpdesk creates a role": {func(t *testing.T) error {
			t.Helper()
			_, err := p.Access.CreateRole(t.Context(), p.desk,
				access.RoleInput{ID: "boss", Name: "Boss", Permissions: []string{"users.manage"}})
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

func TestCheckReturnsSourceAndRequiresRead(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
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
	if got, err := p.Access.Check(t.Context(), p.root, p.desk.UserID, "sessions.manage"); err != nil ||
		got.Source != "group:helpdesk" {
		t.Errorf("an implied permission: %+v, %v, want the group that implies it", got, err)
	}
	if _, err := p.Access.Check(t.Context(), p.plain, p.rootID, "bots.use"); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("a user about another user: %v", err)
	}
	if _, err := p.Access.Check(t.Context(), p.plain, p.plainID, "Bots"); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("an invalid permission: %v", err)
	}
	explained, err := p.Access.Explain(t.Context(), p.root, p.plainID, "users.read")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"role:admin", "role:auditor", "role:sudo", "role:supervisor", "group:helpdesk"}
	if diff := cmp.Diff(want, explained.WouldBeGrantedBy); diff != "" {
		t.Errorf("WouldBeGrantedBy differs (-want +got):\n%s", diff)
	}
}

func TestGroupAndRoleChangesApplyToNextRequest(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	signedIn, _ := p.SignIn(t, "plain", password, "198.51.100.4")
	can := func(permission domain.Permission) bool {
		t.Helper()
		by, err := p.Auth.Authenticate(t.Context(), signedIn.Tokens.Access, kit.Origin)
		if err != nil {
			t.Fatal(err)
		}
		return by.Can(permission)
	}
	step := func(name string, err error, permission domain.Permission, want bool) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if can(permission) != want {
			t.Errorf("after %s, %s is %t for the next request", name, permission, !want)
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
	_, err = p.Access.UpdateRole(t.Context(), p.root, "user",
		access.RolePatch{Permissions: &[]string{"profile.edit", "kb.read"}})
	step("a change of the role", err, "kb.read", true)
	_, err = p.Account.Update(t.Context(), p.root, p.plainID, account.Patch{Role: new("guest")})
	step("another role", err, "kb.read", false)
}

func TestLastAdministratorIsKeptOnGroupChanges(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	// The only administrator is one through a group.
	p.group(t, "admins", "users.manage", "system.configure")
	p.join(t, "admins", "plain")
	if _, err := p.Account.Update(t.Context(), domain.Operator(), p.rootID, account.Patch{Role: new("user")}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"removed from group": fail(p.Access.RemoveMember(t.Context(), domain.Operator(), "admins", string(p.plainID))),
		"group deleted":      fail(p.Access.DeleteGroup(t.Context(), domain.Operator(), "admins")),
		"fewer permissions": fail(p.Access.UpdateGroup(t.Context(), domain.Operator(), "admins",
			access.GroupPatch{Permissions: &[]string{"users.manage"}})),
		"deactivated": fail(p.Account.Deactivate(t.Context(), domain.Operator(), p.plainID)),
	} {
		if !errors.Is(err, domain.ErrLastAdmin) {
			t.Errorf("%s: got error %v, want %v", name, err, domain.ErrLastAdmin)
		}
	}
}

func fail[T any](_ T, err error) error { return err }

func TestConcurrentDemotionsKeepOneAdministrator(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
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
			t.Fatalf("%d of two concurrent demotions succeeded, want 1", done.Load())
		}
		for _, id := range []domain.UserID{p.rootID, second} {
			if _, err := p.Account.Update(t.Context(), domain.Operator(), id, account.Patch{Role: new("admin")}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRolesInUseAndBuiltInRolesCannotBeDeleted(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	if _, err := p.Access.CreateRole(t.Context(), p.root,
		access.RoleInput{ID: "clerk", Name: "Clerk", Permissions: []string{"kb.edit"}}); err != nil {
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
		t.Errorf("an unknown role: %v", err)
	}
}

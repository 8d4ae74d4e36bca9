package access_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// TestExplainNamesOnlyWhatThePrincipalMaySee explains a permission to principals with and without access to groups.
func TestExplainNamesOnlyWhatThePrincipalMaySee(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.group(t, "secret_project", "kb.edit")
	p.group(t, "mine", "tickets.close")
	p.join(t, "mine", "plain")
	p.group(t, "wardens", "groups.manage")
	p.Register(t, "warden", password, "user")
	p.join(t, "wardens", "warden")
	_, warden := p.SignIn(t, "warden", password, "198.51.100.8")
	_, err := p.Access.CreateRole(t.Context(), domain.Operator(), access.RoleInput{
		ID: "editor", Name: "Editor", Permissions: []string{"kb.edit"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		by   domain.Principal
		want []string
	}{
		"without users.read and groups.manage": {p.plain, []string{"role:editor", "role:sudo"}},
		"with users.manage":                    {p.desk, []string{"role:editor", "role:sudo", "group:secret_project"}},
		"with groups.manage":                   {warden, []string{"role:editor", "role:sudo", "group:secret_project"}},
	} {
		e, err := p.Access.Explain(t.Context(), tc.by, tc.by.UserID, "kb.edit")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, e.WouldBeGrantedBy); diff != "" {
			t.Errorf("%s: WouldBeGrantedBy differs (-want +got):\n%s", name, diff)
		}
	}
	_, member := p.SignIn(t, "plain", password, "198.51.100.7")
	own, err := p.Access.Explain(t.Context(), member, p.plainID, "tickets.close")
	if err != nil || own.Source != "group:mine" || len(own.Grants) != 1 {
		t.Errorf("own group: %+v, %v", own, err)
	}
}

// TestInactiveUserIsGrantedNothing checks a pending and a deactivated administrator on every path.
func TestInactiveUserIsGrantedNothing(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	pending, err := p.Account.Create(t.Context(), domain.Operator(), account.NewUser{
		Username: "new", Email: "new@example.com", Role: "admin",
	})
	if err != nil {
		t.Fatal(err)
	}
	deactivated := p.Register(t, "deactivated", password, "admin")
	if _, err := p.Account.Deactivate(t.Context(), p.root, deactivated.ID); err != nil {
		t.Fatal(err)
	}
	for id, reason := range map[domain.UserID]domain.UserStatus{
		pending.ID: "pending_activation", deactivated.ID: "deactivated", p.plainID: "",
	} {
		want := access.Decision{Permission: "bots.manage", Reason: reason}
		one, err := p.Access.Check(t.Context(), p.root, id, "bots.manage")
		if err != nil || one != want {
			t.Errorf("%q: Check: %+v, %v", reason, one, err)
		}
		all, err := p.Access.CheckAll(t.Context(), p.root, id, []string{"bots.manage"})
		if err != nil || len(all) != 1 || all[0] != want {
			t.Errorf("%q: CheckAll: %+v, %v", reason, all, err)
		}
		explained, err := p.Access.Explain(t.Context(), p.root, id, "bots.manage")
		if err != nil || explained.Decision != want || len(explained.Grants) != 0 ||
			(len(explained.WouldBeGrantedBy) == 0) != (reason != "") {
			t.Errorf("%q: Explain: %+v, %v", reason, explained, err)
		}
		held, err := p.Access.Effective(t.Context(), p.root, id)
		if err != nil || held.Reason != reason || (len(held.Grants) == 0) != (reason != "") {
			t.Errorf("%q: Effective: %+v, %v", reason, held, err)
		}
	}
}

// TestKeyChecksItselfAndNotItsOwner uses a key with fewer permissions than its owner.
func TestKeyChecksItselfAndNotItsOwner(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	key := p.root
	key.Kind, key.SessionID, key.KeyID = domain.PrincipalAPIKey, "", "key_x"
	key.Grants = domain.Grants{{Source: "role:admin", Permission: "bots.manage"}}
	got, err := p.Access.CheckAll(t.Context(), key, p.rootID, []string{"bots.manage", "users.manage"})
	want := []access.Decision{
		{Permission: "bots.manage", Granted: true, Source: "role:admin"}, {Permission: "users.manage"},
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decisions for the key (-want +got):\n%s", diff)
	}
	if _, err := p.Access.Check(t.Context(), key, p.rootID, "users.manage"); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("permission of the owner: got error %v, want %v", err, fault.ErrForbidden)
	}
	key.Grants = append(key.Grants, domain.Grant{Source: "role:admin", Permission: domain.UsersRead})
	if d, err := p.Access.Check(t.Context(), key, p.rootID, "users.manage"); err != nil || !d.Granted {
		t.Errorf("permission of the owner, with users.read: %+v, %v", d, err)
	}
}

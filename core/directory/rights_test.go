package directory_test

import (
	"errors"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

// manager returns a user with directories.manage alone.
func manager() domain.Principal {
	by := kit.From("192.0.2.7")
	by.Kind, by.UserID = domain.PrincipalUser, "usr_manager"
	by.Grants = domain.Grants{{Source: "role:manager", Permission: domain.DirectoriesManage}}
	return by
}

// TestSynchronizationChangesNoUserWithMorePermissions removes and renames administrators in the directory.
func TestSynchronizationChangesNoUserWithMorePermissions(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	h.sync(t)
	admin := "admin"
	for _, name := range []string{"dave", "bob"} {
		patch := account.Patch{Role: &admin}
		if _, err := h.Account.Update(t.Context(), domain.Operator(), h.user(t, name).ID, patch); err != nil {
			t.Fatal(err)
		}
	}
	h.service = h.newService(t, 100)
	h.remove(t, openldap.PersonDN("dave"))
	h.modify(t, openldap.PersonDN("bob"),
		func(m *ldap.ModifyRequest) { m.Replace("displayName", []string{"Robert Bright"}) })
	plan := h.plan(t)
	forced := directory.Application{Digest: plan.Digest, Force: true}
	result, err := h.service.Apply(t.Context(), manager(), "corp", forced)
	if err != nil || result.Failed != 2 || result.Disabled+result.Updated != 0 {
		t.Errorf("%+v, %v", result, err)
	}
	dave, bob := h.user(t, "dave"), h.user(t, "bob")
	if dave.Status != domain.StatusActive || bob.FullName == "Robert Bright" {
		t.Errorf("dave is %s, bob is %s", dave.Status, bob.FullName)
	}
	if result := h.apply(t, h.plan(t)); result.Failed != 0 || result.Disabled != 1 || result.Updated != 1 {
		t.Errorf("the operator: %+v", result)
	}
}

// TestSynchronizationGrantsNothingThatItsPrincipalLacks maps a role of administrators.
func TestSynchronizationGrantsNothingThatItsPrincipalLacks(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, func(s *ldapdir.Settings) {
		s.AllowAdmin, s.Roles = true, []ldapdir.RoleRule{{Group: "eng", Role: "admin"}}
	})
	plan := h.plan(t)
	result, err := h.service.Apply(t.Context(), manager(), "corp", directory.Application{Digest: plan.Digest})
	if err != nil || result.Failed == 0 || result.Created == 0 {
		t.Errorf("%+v, %v", result, err)
	}
	administrators, err := h.Store.Users().List(t.Context(), domain.UserQuery{
		Role: domain.RoleAdmin, NoTotal: true, Sort: domain.SortCreated, Page: domain.Page{Number: 1, Limit: 10},
	})
	if err != nil || len(administrators.Users) != 0 {
		t.Errorf("%d administrators, %v", len(administrators.Users), err)
	}
}

func TestTriedLoginsCountTowardTheLockout(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	h.sync(t)
	try := func(by domain.Principal, password string) error {
		_, err := h.service.TryLogin(t.Context(), by, "corp", ports.Login{Name: "Alice", Password: password})
		return err
	}
	const most = 2 // fewer than the directory's own limit
	patch := settings.Patch{"lockout_policy.max_attempts": most}
	if _, err := h.Settings.Patch(t.Context(), domain.Operator(), patch, 0); err != nil {
		t.Fatal(err)
	}
	for range most {
		if err := try(manager(), "wrong"); err != nil {
			t.Fatal(err)
		}
	}
	if err := try(manager(), openldap.Password); !errors.Is(err, domain.ErrAccountLocked) {
		t.Errorf("after too many attempts: %v", err)
	}
	login := auth.LoginInput{Name: "alice", Password: openldap.Password}
	if _, err := h.Auth.Login(t.Context(), kit.From("192.0.2.7"), login); !errors.Is(err, domain.ErrAccountLocked) {
		t.Errorf("a login: %v", err)
	}
	if err := try(domain.Operator(), openldap.Password); err != nil {
		t.Errorf("the operator: %v", err)
	}
	key := manager()
	key.Kind = domain.PrincipalAPIKey
	var last error
	for n := range 10 {
		key.KeyID = domain.KeyID([]string{"key_1", "key_2"}[n%2])
		if last = try(key, "wrong"); errors.Is(last, fault.ErrRateLimited) {
			return
		}
	}
	t.Errorf("the rate of a user with several keys is not limited: %v", last)
}

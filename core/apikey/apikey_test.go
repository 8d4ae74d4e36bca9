package apikey_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// countingView counts the lookups in the real view.
type countingView struct {
	ports.KeyView
	lookups atomic.Int64
}

func (v *countingView) LookupKey(ctx context.Context, id domain.KeyID) (domain.LiveKey, error) {
	v.lookups.Add(1)
	return v.KeyView.LookupKey(ctx, id)
}

type bench struct {
	*kit.Kit
	view    *countingView
	service *apikey.Service
}

func newBench(t *testing.T) *bench {
	t.Helper()
	k := kit.New(t)
	view := &countingView{KeyView: k.Store.View()}
	return &bench{Kit: k, view: view, service: apikey.New(apikey.Deps{
		Keys: k.Store.Keys(), View: view, Users: k.Store.Users(), Catalog: k.Store.CatalogStore(),
		Limits: k.Store.RateLimiter(),
		IDs:    k.IDs, Clock: k.Clock, AuditWriter: k.AuditWriter, Emails: k.Emails, Rate: kit.APIKeyRate,
		Life: 366 * 24 * time.Hour,
	})}
}

func (b *bench) create(t *testing.T, by domain.Principal, owner domain.UserID, permissions ...string) apikey.Created {
	t.Helper()
	created, err := b.service.Create(t.Context(), by, owner,
		apikey.CreateInput{Name: "Integration Key", Permissions: permissions})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func TestKeyIsDisplayedOnceAndActsForItsOwner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	created := b.create(t, by, user.ID, "bots.use")
	if !strings.HasPrefix(created.Text, "sk_live_") || created.Rate.Remaining != 9 {
		t.Errorf("the key has the prefix %.8s, and %d more may be created", created.Text, created.Rate.Remaining)
	}
	principal, err := b.service.Authenticate(t.Context(), created.Text, kit.Origin)
	if err != nil {
		t.Fatal(err)
	}
	if principal.UserID != user.ID || principal.Kind != domain.PrincipalAPIKey || !principal.Can("bots.use") ||
		principal.Can("profile.edit") {
		t.Errorf("the key acts as %s %s with %v", principal.Kind, principal.UserID, principal.Grants)
	}
	keys, err := b.service.List(t.Context(), by, user.ID, domain.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if len(keys.Keys) != 1 || keys.Keys[0].Prefix != created.Text[:20] || keys.Keys[0].ExpiresAt.IsZero() {
		t.Errorf("the list has %d keys", len(keys.Keys))
	}
	entries := b.Entries(t)
	if len(entries) != 1 || entries[0].Action != domain.ActionAPIKeyCreate || entries[0].Target != string(created.ID) {
		t.Errorf("the audit log has %v", kit.Actions(entries))
	}
}

func TestMalformedKeyIsRefusedWithoutLookup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	text := b.create(t, b.As(t, user), user.ID, "bots.use").Text
	broken := map[string]string{
		"a newline after": text + "\n", "a space before": " " + text, "nothing": "", "only the prefix": "sk_live_",
		"upper case": strings.ToUpper(text), "lower case": strings.ToLower(text), "one more character": text + "0",
	}
	for i := range len(text) {
		broken["a part of "+text[:i]] = text[:i]
		changed := []byte(text)
		if changed[i]++; changed[i] == '_' {
			changed[i] = 'a'
		}
		broken["changed at "+text[:i]] = string(changed)
	}
	for name, key := range broken {
		if _, err := b.service.Authenticate(t.Context(), key, kit.Origin); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("%s: got error %v, want %v", name, err, fault.ErrUnauthorized)
		}
	}
	if lookups := b.view.lookups.Load(); lookups != 0 {
		t.Errorf("%d lookups in the store, want 0", lookups)
	}
}

func TestKeyIsLimitedToCurrentPermissionsOfItsOwner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleAdmin)
	text := b.create(t, b.As(t, user), user.ID, "users.manage", "bots.manage").Text
	holds := func() domain.Grants {
		t.Helper()
		p, err := b.service.Authenticate(t.Context(), text, kit.Origin)
		if err != nil {
			t.Fatal(err)
		}
		return p.Grants
	}
	if g := holds(); !g.Has("users.manage") || !g.Has("users.read") || !g.Has("bots.manage") || g.Has("system.configure") {
		t.Errorf("before: the key holds %v", g)
	}
	_, err := b.Store.Users().Update(t.Context(), user.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Role = "supervisor" // holds users.read, which users.manage implies
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if g := holds(); g.Has("users.manage") || g.Has("bots.manage") || !g.Has("users.read") {
		t.Errorf("after the demotion: the key holds %v", g)
	}
}

func TestRevocationAndDeactivationEndKeysImmediately(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	one, two := b.create(t, by, user.ID, "bots.use"), b.create(t, by, user.ID, "bots.use")
	first, err := b.service.Revoke(t.Context(), by, one.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.service.Authenticate(t.Context(), one.Text, kit.Origin)
	wantErr(t, err, fault.ErrUnauthorized)
	b.Clock.Forward(time.Hour)
	again, err := b.service.Revoke(t.Context(), by, one.ID)
	if err != nil || !again.RevokedAt.Equal(first.RevokedAt) {
		t.Errorf("revoking again: %v at %v, want the time of the first", err, again.RevokedAt)
	}
	_, err = b.Store.Users().Update(t.Context(), user.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Deactivate(b.Clock.Now())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.service.Authenticate(t.Context(), two.Text, kit.Origin)
	wantErr(t, err, fault.ErrUnauthorized)
	// A reactivated user does not get the keys back.
	_, err = b.Store.Users().Update(t.Context(), user.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Status = domain.StatusActive
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.service.Authenticate(t.Context(), two.Text, kit.Origin)
	wantErr(t, err, fault.ErrUnauthorized)
}

func TestKeyExpiryIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	for name, at := range map[string]time.Time{
		"now": kit.Noon, "the past": kit.Noon.Add(-time.Second), "the year 9999": time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		_, err := b.service.Create(t.Context(), by, user.ID,
			apikey.CreateInput{Name: "k", Permissions: []string{"bots.use"}, ExpiresAt: at})
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: got error %v, want %v", name, err, fault.ErrInvalid)
		}
	}
	created, err := b.service.Create(t.Context(), by, user.ID, apikey.CreateInput{
		Name: "k", Permissions: []string{"bots.use"}, ExpiresAt: kit.Noon.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Clock.Forward(time.Hour)
	_, err = b.service.Authenticate(t.Context(), created.Text, kit.Origin)
	wantErr(t, err, fault.ErrUnauthorized)
}

func TestKeyLimitHoldsConcurrently(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	var made, limited atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := b.service.Create(t.Context(), by, user.ID,
				apikey.CreateInput{Name: "k", Permissions: []string{"bots.use"}})
			switch {
			case err == nil:
				made.Add(1)
			case errors.Is(err, fault.ErrRateLimited) && fault.Of(err).RetryAfter() > 0:
				limited.Add(1)
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff([]int64{10, 40}, []int64{made.Load(), limited.Load()}); diff != "" {
		t.Errorf("made and limited differ (-want +got):\n%s", diff)
	}
}

func TestKeysDoNotEscalatePermissions(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	admin, user := b.User(t, "root", domain.RoleAdmin), b.User(t, "john", domain.RoleUser)
	desk := b.As(t, b.User(t, "desk", domain.RoleUser))
	desk.Grants = append(desk.Grants, domain.Grant{Source: "group:desk", Permission: domain.UsersManage})
	byUser := b.As(t, user)
	byKey := byUser
	byKey.Kind, byKey.KeyID = domain.PrincipalAPIKey, "key_x"
	makingKey := byKey
	makingKey.Grants = domain.Grants{{Source: "role:admin", Permission: domain.APIKeysManage}}
	tests := map[string]struct {
		by          domain.Principal
		owner       domain.UserID
		permissions []string
		want        error
	}{
		"a permission that the owner lacks": {byUser, user.ID, []string{"users.read"}, fault.ErrForbidden},
		"a pattern":                         {b.As(t, admin), admin.ID, []string{"users.*"}, fault.ErrInvalid},
		"all permissions":                   {b.As(t, admin), admin.ID, []string{"*"}, fault.ErrInvalid},
		"no permission":                     {byUser, user.ID, nil, fault.ErrInvalid},
		"a permission of another form":      {byUser, user.ID, []string{"Bots"}, fault.ErrInvalid},
		"a user for another user":           {byUser, admin.ID, []string{"bots.use"}, domain.ErrUserNotFound},
		"the helpdesk for an administrator": {desk, admin.ID, []string{"users.manage"}, fault.ErrForbidden},
		"the helpdesk for a user":           {desk, user.ID, []string{"bots.use"}, nil},
		"a key for its owner":               {byKey, user.ID, []string{"bots.use"}, fault.ErrForbidden},
		"a key beyond its own permissions":  {makingKey, user.ID, []string{"bots.use"}, fault.ErrForbidden},
		"anonymous": {
			domain.Principal{},
			user.ID,
			[]string{"bots.use"},
			fault.ErrUnauthorized,
		},
		"a user who must enroll first": {
			scoped(byUser), user.ID,
			[]string{"bots.use"},
			domain.ErrEnrollmentRequired,
		},
		"an administrator for a user without these": {b.As(t, admin), user.ID, []string{"users.manage"}, fault.ErrForbidden},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.service.Create(t.Context(), tc.by, tc.owner, apikey.CreateInput{Name: "k", Permissions: tc.permissions})
			if !errors.Is(err, tc.want) {
				t.Errorf("got error %v, want %v", err, tc.want)
			}
		})
	}
}

func scoped(by domain.Principal) domain.Principal {
	by.Scope = domain.ScopeEnrollment
	return by
}

func TestRevokeRequiresOwnerOrManager(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	admin, user := b.User(t, "root", domain.RoleAdmin), b.User(t, "john", domain.RoleUser)
	eve := b.As(t, b.User(t, "eve", domain.RoleUser))
	created := b.create(t, b.As(t, user), user.ID, "bots.use")
	ofAdmin := b.create(t, b.As(t, admin), admin.ID, "bots.manage")
	desk := eve
	desk.UserID = "usr_desk"
	desk.Grants = domain.Grants{{Source: "group:desk", Permission: domain.UsersManage}}

	_, err := b.service.Revoke(t.Context(), eve, created.ID)
	wantErr(t, err, domain.ErrKeyNotFound)
	_, err = b.service.Revoke(t.Context(), eve, "key_absent")
	wantErr(t, err, domain.ErrKeyNotFound)
	_, err = b.service.List(t.Context(), eve, user.ID, domain.Page{})
	wantErr(t, err, domain.ErrUserNotFound)
	_, err = b.service.Revoke(t.Context(), desk, ofAdmin.ID)
	wantErr(t, err, fault.ErrForbidden)
	if _, err = b.service.Revoke(t.Context(), desk, created.ID); err != nil {
		t.Errorf("with users.manage: %v", err)
	}
}

func TestRequiredSecondFactorAppliesToKeys(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	text := b.create(t, b.As(t, user), user.ID, "bots.use").Text
	_, err := b.Store.CatalogStore().UpdateSettings(t.Context(), func(s *domain.Settings, _ *domain.Outbox) error {
		s.TwoFactor.Enabled, s.TwoFactor.RequiredForRoles = true, []domain.RoleID{domain.RoleUser}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.service.Authenticate(t.Context(), text, kit.Origin)
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, p.Require("bots.use"), domain.ErrEnrollmentRequired)
}

// TestAGrantOfAKeyNamesWhereItsOwnerHasItFrom has an owner with one permission of the role and one of a group.
func TestAGrantOfAKeyNamesWhereItsOwnerHasItFrom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	group := domain.Group{ID: "grp_1", Name: "desk", Permissions: []domain.Permission{domain.UsersManage}}
	if err := b.Store.Groups().Create(t.Context(), group, domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	user := b.User(t, "john", domain.RoleUser)
	user, err := b.Store.Users().Update(t.Context(), user.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Groups = []domain.GroupID{group.ID}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	key := b.create(t, b.As(t, user), user.ID, "bots.use", "users.read")
	principal, err := b.service.Authenticate(t.Context(), key.Text, kit.Origin)
	if err != nil {
		t.Fatal(err)
	}
	want := domain.Grants{
		{Source: "role:user", Permission: "bots.use"}, {Source: "group:desk", Permission: "users.read"},
	}
	if diff := cmp.Diff(want, principal.Grants); diff != "" {
		t.Errorf("the grants differ (-want +got):\n%s", diff)
	}
}

func TestAKeyWithoutAnEndLivesForTheConfiguredTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	owner := b.User(t, "ada", domain.RoleUser)
	created := b.create(t, b.As(t, owner), owner.ID, "bots.use")
	if life := created.ExpiresAt.Sub(created.CreatedAt); life != 366*24*time.Hour {
		t.Errorf("the key lives for %s", life)
	}
}

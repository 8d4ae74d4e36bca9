package tpt_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/tpt"
	"github.com/ostiary/ostiary/test/kit"
)

const secret = "a secret of third-party tokens"

func newService(k *kit.Kit, life time.Duration) *tpt.Service {
	return tpt.New(tpt.Deps{
		Store: k.Store.Tokens(), Catalog: k.Store.CatalogStore(), IDs: k.IDs, Clock: k.Clock, AuditWriter: k.AuditWriter,
		Tokens: keyring.NewThirdPartyTokens(secret, "https://id.example.com"), Lifetime: life,
	})
}

func TestIssuingTokenRequiresTheRightToAssignItsRole(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	s := newService(k, time.Hour)
	root, admin := k.As(t, k.User(t, "root", domain.RoleSudo)), k.As(t, k.User(t, "ada", domain.RoleAdmin))
	holder := domain.Principal{
		Kind: domain.PrincipalUser, UserID: "usr_1",
		Grants: domain.Grants{{Source: "role:x", Permission: domain.TokensManage}},
	}
	key := holder
	key.Kind = domain.PrincipalAPIKey
	for what, attempt := range map[string]struct {
		by   domain.Principal
		role domain.RoleID
		want error
	}{
		"the superuser's role by an administrator": {admin, "sudo", fault.ErrForbidden},
		"a role by an administrator":               {admin, "admin", nil},
		"a role with more permissions":             {holder, "auditor", fault.ErrForbidden},
		"a role without administrative ones":       {holder, "user", nil},
		"by an API key":                            {key, "user", fault.ErrForbidden},
		"without tokens.manage":                    {k.As(t, k.User(t, "bob", domain.RoleUser)), "user", fault.ErrForbidden},
	} {
		if _, err := s.Create(t.Context(), attempt.by, attempt.role); !errors.Is(err, attempt.want) {
			t.Errorf("%s: %v, want %v", what, err, attempt.want)
		}
	}
	if err := tpt.RequireSuperuser(admin); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("an administrator in the Users API: %v", err)
	}
	if _, err := s.Create(t.Context(), root, "king"); !errors.Is(err, domain.ErrRoleNotFound) {
		t.Errorf("an unknown role: %v", err)
	}
	made, err := s.Create(t.Context(), root, "admin")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Authenticate(t.Context(), made.Text, kit.Origin)
	if err != nil || p.Level != 1 || !p.Can(domain.UsersRead) || p.Can(domain.UsersManage) ||
		p.Can(domain.SystemConfigure) {
		t.Errorf("got %+v, %v", p.Grants, err)
	}
	if _, err := s.Create(t.Context(), p, "guest"); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a token made a token: %v", err)
	}
}

func TestRevokedAndExpiredTokensAreRefused(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	s := newService(k, time.Hour)
	root := k.As(t, k.User(t, "root", domain.RoleSudo))
	a, err := s.Create(t.Context(), root, "operator")
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Create(t.Context(), root, "operator")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Revoke(t.Context(), root, a.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Authenticate(t.Context(), a.Text, kit.Origin); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("revoked: %v", err)
	}
	if _, err := s.Authenticate(t.Context(), b.Text, kit.Origin); err != nil {
		t.Errorf("another: %v", err)
	}
	k.Clock.Forward(time.Hour)
	if _, err := s.Authenticate(t.Context(), b.Text, kit.Origin); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("out of date: %v", err)
	}
	if list, err := s.List(t.Context(), root); len(list) != 2 || err != nil {
		t.Errorf("%d are listed, %v", len(list), err)
	}
	want := []domain.Action{domain.ActionTPTCreate, domain.ActionTPTCreate, domain.ActionTPTRevoke}
	got := kit.Actions(k.Entries(t))
	if len(got) != len(want) || got[2] != want[2] {
		t.Errorf("entries %v, want %v", got, want)
	}
}

// A holder of the secret can sign tokens as well as verify them. Such tokens expire with the record.
func TestTokenExpiresWithItsRecord(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	s := newService(k, time.Hour)
	made, err := s.Create(t.Context(), k.As(t, k.User(t, "root", domain.RoleSudo)), "operator")
	if err != nil {
		t.Fatal(err)
	}
	forged, err := keyring.NewThirdPartyTokens(secret,
		"").Sign(domain.ThirdPartyToken{ID: made.ID, Role: made.Role, CreatedAt: made.CreatedAt})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(t.Context(), forged); err != nil {
		t.Errorf("before the end: %v", err)
	}
	k.Clock.Forward(time.Hour)
	if _, err := s.Verify(t.Context(), forged); !errors.Is(err, fault.ErrUnauthorized) ||
		fault.Of(err).Message != "The token has ended" {
		t.Errorf("after the end: %v", err)
	}
}

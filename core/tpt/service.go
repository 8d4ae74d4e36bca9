package tpt

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Deps holds the dependencies of a Service.
type Deps struct {
	Store       ports.ThirdPartyTokenStore
	Catalog     ports.CatalogView
	IDs         ports.IDs
	Clock       ports.Clock
	AuditWriter *audit.Writer
	Tokens      ports.ThirdPartyTokens // nil disables third-party tokens
	Lifetime    time.Duration          // 0: no expiry
}

// Service issues, verifies, lists and revokes third-party tokens.
type Service struct{ deps Deps }

// New returns a Service.
func New(n Deps) *Service { return &Service{deps: n} }

// ErrOff reports that no secret for third-party tokens is configured.
var ErrOff = fault.New(fault.Conflict, "conflict",
	"Third-party tokens are switched off: users_api.tpt_secret is not set")

// ErrNoSecret reports that there are tokens in use and no secret to verify them.
var ErrNoSecret = fault.New(fault.Conflict, "conflict",
	"Third-party tokens are in use and users_api.tpt_secret is not set: "+
		"set it, end the tokens by `ostiary tpt revoke`, or switch users_api.enabled off")

// CheckSecret returns ErrNoSecret if there are tokens that have neither expired nor been revoked, and no secret is
// configured: all of them would be refused without a visible reason.
func (s *Service) CheckSecret(ctx context.Context) error {
	if s.deps.Tokens != nil {
		return nil
	}
	tokens, err := s.deps.Store.List(ctx)
	if err != nil {
		return err
	}
	now := s.deps.Clock.Now()
	if slices.ContainsFunc(tokens, func(t domain.ThirdPartyToken) bool {
		return t.RevokedAt.IsZero() && !hasExpired(t, now)
	}) {
		return ErrNoSecret
	}
	return nil
}

// Created is a new token. Its text is returned only once.
type Created struct {
	domain.ThirdPartyToken
	Text string
}

// RequireSuperuser returns nil for a superuser in a session of their own, to whom the Users API restricts the tokens.
func RequireSuperuser(by domain.Principal) error {
	if err := by.Require(domain.PermissionAll); err != nil {
		return err
	}
	return requireNoKey(by)
}

// requireNoKey returns fault.ErrForbidden for an API key and a third-party token: neither may issue another credential.
func requireNoKey(by domain.Principal) error {
	if by.Kind == domain.PrincipalTPT || by.Kind == domain.PrincipalAPIKey {
		return fault.ErrForbidden
	}
	return nil
}

// Create issues a token for the role. It requires tokens.manage in a session, the right to assign the role, and a
// recent proof of identity if the settings demand one (domain.ErrReauthentication). An unknown role is
// domain.ErrRoleNotFound.
func (s *Service) Create(ctx context.Context, by domain.Principal, role domain.RoleID) (Created, error) {
	if err := by.Require(domain.TokensManage); err != nil {
		return Created{}, err
	}
	if err := requireNoKey(by); err != nil {
		return Created{}, err
	}
	if s.deps.Tokens == nil {
		return Created{}, ErrOff
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return Created{}, err
	}
	if err := by.RequireRecent(catalog.Settings.Session, s.deps.Clock.Now()); err != nil {
		return Created{}, err
	}
	if _, ok := catalog.Roles.Get(role); !ok {
		return Created{}, domain.ErrRoleNotFound
	}
	if err := access.CheckAssign(catalog, by, &domain.User{}, role, nil); err != nil {
		return Created{}, err
	}
	now := s.deps.Clock.Now().UTC().Truncate(time.Second)
	record := domain.ThirdPartyToken{ID: s.deps.IDs.NewID("tpt_"), Role: role, CreatedBy: by.UserID, CreatedAt: now}
	if s.deps.Lifetime > 0 {
		record.ExpiresAt = now.Add(s.deps.Lifetime)
	}
	text, err := s.deps.Tokens.Sign(record)
	if err != nil {
		return Created{}, err
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionTPTCreate, record.ID, audit.Detail("role", string(role))))
	return Created{ThirdPartyToken: record, Text: text}, s.deps.Store.Create(ctx, record, out)
}

// readable lists the only permissions that a third-party token can use, whatever its role holds: it reads users and
// roles.
var readable = []domain.Permission{domain.UsersRead}

// Authenticate returns the principal of a valid, unexpired, unrevoked token, restricted to reading. Any other token
// is fault.ErrUnauthorized.
func (s *Service) Authenticate(ctx context.Context, text string, from domain.Origin) (domain.Principal, error) {
	record, err := s.Verify(ctx, text)
	if err != nil {
		return domain.Principal{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return domain.Principal{}, err
	}
	role, ok := catalog.Roles.Get(record.Role)
	if !ok {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	held := catalog.Grants(&domain.User{Role: role.ID})
	var grants domain.Grants
	for _, p := range readable {
		if grant, ok := held.Find(p); ok {
			grants = append(grants, domain.Grant{Source: grant.Source, Permission: p})
		}
	}
	return domain.Principal{
		Kind: domain.PrincipalTPT, TokenID: record.ID, Role: role.ID, Level: role.Level, Grants: grants,
		ExpiresAt: record.ExpiresAt, Origin: from,
	}, nil
}

// Verify returns the record of a valid, unexpired, unrevoked token. Any other token is fault.ErrUnauthorized with a
// message for the operator. A token expires with its record, also if another holder of the secret signs a later
// expiry.
func (s *Service) Verify(ctx context.Context, text string) (domain.ThirdPartyToken, error) {
	if s.deps.Tokens == nil {
		return domain.ThirdPartyToken{}, fault.ErrUnauthorized.Saying(ErrOff.Message)
	}
	claims, ok := s.deps.Tokens.Check(text)
	if !ok || claims.ID == "" {
		return domain.ThirdPartyToken{},
			fault.ErrUnauthorized.Saying("The token is not one of ours: its form or its signature is wrong")
	}
	record, err := s.deps.Store.Get(ctx, claims.ID)
	now := s.deps.Clock.Now()
	switch {
	case errors.Is(err, domain.ErrTokenNotFound), err == nil && record.Role != claims.Role:
		return domain.ThirdPartyToken{}, fault.ErrUnauthorized.Saying("The token was not issued here")
	case err != nil:
		return domain.ThirdPartyToken{}, err
	case !record.RevokedAt.IsZero():
		return domain.ThirdPartyToken{}, fault.ErrUnauthorized.Saying("The token was revoked")
	case hasExpired(claims, now), hasExpired(record, now):
		return domain.ThirdPartyToken{}, fault.ErrUnauthorized.Saying("The token has ended")
	}
	return record, nil
}

func hasExpired(t domain.ThirdPartyToken, now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// Inspect is Verify for a principal with tokens.manage.
func (s *Service) Inspect(ctx context.Context, by domain.Principal, text string) (domain.ThirdPartyToken, error) {
	if err := by.Require(domain.TokensManage); err != nil {
		return domain.ThirdPartyToken{}, err
	}
	return s.Verify(ctx, text)
}

// List returns the issued tokens, newest first. It requires tokens.manage.
func (s *Service) List(ctx context.Context, by domain.Principal) ([]domain.ThirdPartyToken, error) {
	if err := by.Require(domain.TokensManage); err != nil {
		return nil, err
	}
	tokens, err := s.deps.Store.List(ctx)
	slices.SortFunc(tokens, func(a, b domain.ThirdPartyToken) int { return compare(a, position(b)) })
	return tokens, err
}

// ListPage returns one page of List.
func (s *Service) ListPage(
	ctx context.Context, by domain.Principal, page domain.Page,
) ([]domain.ThirdPartyToken, domain.PageInfo, error) {
	all, err := s.List(ctx, by)
	if err != nil {
		return nil, domain.PageInfo{}, err
	}
	part, info := domain.CutPage(all, page, position, compare)
	return part, info, nil
}

// Sort is the order of a list of tokens: newest first.
const Sort = "-created_at"

func position(t domain.ThirdPartyToken) domain.Cursor {
	return domain.Cursor{Sort: Sort, Key: t.CreatedAt.UTC().Format(time.RFC3339), ID: t.ID}
}

func compare(t domain.ThirdPartyToken, at domain.Cursor) int {
	own := position(t)
	return cmp.Or(cmp.Compare(at.Key, own.Key), cmp.Compare(at.ID, own.ID))
}

// Revoke revokes a token immediately. It is idempotent and requires tokens.manage.
func (s *Service) Revoke(ctx context.Context, by domain.Principal, id string) (domain.ThirdPartyToken, error) {
	if err := by.Require(domain.TokensManage); err != nil {
		return domain.ThirdPartyToken{}, err
	}
	return s.deps.Store.Update(ctx, id, func(t *domain.ThirdPartyToken, out *domain.Outbox) error {
		if !t.RevokedAt.IsZero() {
			return domain.ErrUnchanged
		}
		t.RevokedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionTPTRevoke, t.ID))
		return nil
	})
}

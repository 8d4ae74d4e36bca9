package apikey

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// Authenticate returns the principal of a key with its current permissions. An invalid key of any kind is
// fault.ErrUnauthorized; a key with an invalid form or checksum is refused without a lookup in the store.
func (s *Service) Authenticate(ctx context.Context, text string, from domain.Origin) (domain.Principal, error) {
	id, ok := opaquetoken.Parse[domain.KeyID](opaquetoken.APIKey, text)
	if !ok {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	live, err := s.deps.View.LookupKey(ctx, id)
	if err != nil {
		if notAKey(err) {
			err = fault.ErrUnauthorized
		}
		return domain.Principal{}, err
	}
	now := s.deps.Clock.Now()
	if !opaquetoken.Matches(live.Key.Digest, text) || !live.Key.IsLive(live.User, now) {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	catalog, err := s.deps.Catalog.CatalogAt(ctx, live.Catalog)
	if err != nil {
		return domain.Principal{}, err
	}
	if err := s.deps.View.TouchKey(ctx, id, now); err != nil {
		return domain.Principal{}, err
	}
	role := catalog.Role(live.User.Role)
	by := domain.Principal{
		Kind: domain.PrincipalAPIKey, UserID: live.User.ID, Username: live.User.Username, KeyID: id,
		Role: live.User.Role, Level: role.Level, Grants: narrow(live.Key, catalog.Grants(live.User)),
		ExpiresAt: live.Key.ExpiresAt, Origin: from,
	}
	// A required second factor applies to every credential; otherwise a key would bypass it.
	if catalog.Settings.TwoFactor.Requires(live.User.Role) && !live.User.Factor.IsOn() {
		by.Scope = domain.ScopeEnrollment
	}
	return by, nil
}

// narrow returns the permissions that both the key and its owner have, with the role or group that grants them to the
// owner.
func narrow(key *domain.APIKey, held domain.Grants) domain.Grants {
	var both domain.Grants
	for _, p := range key.Permissions {
		if grant, ok := held.Find(p); ok {
			both = append(both, domain.Grant{Source: grant.Source, Permission: p})
			continue
		}
		for _, grant := range held {
			if p.Covers(grant.Permission) {
				both = append(both, grant)
			}
		}
	}
	return both
}

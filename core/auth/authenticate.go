package auth

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// touchStep is the minimum age of a session's last activity before it is updated. The idle limits are in minutes, and
// without this step each request of a busy client would write.
const touchStep = time.Second

// Authenticate returns the principal that a credential currently identifies: an access token, the key of a session, or
// an API key. An unknown, expired or revoked credential is fault.ErrUnauthorized. Authenticate looks up whether the
// credential is live; it does not trust the credential's own claims.
func (s *Service) Authenticate(ctx context.Context, credential string, from domain.Origin) (domain.Principal, error) {
	if len(credential) > maxTokenBytes {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	switch opaquetoken.KindOf(credential) {
	case opaquetoken.APIKey:
		return s.deps.Keys.Authenticate(ctx, credential, from)
	case opaquetoken.SessionKey:
		return s.authenticateKey(ctx, credential, from)
	default: // an access token, or nothing that this service has issued
	}
	claims, err := s.deps.Tokens.Check(ctx, credential, s.deps.Clock.Now())
	if err != nil {
		return domain.Principal{}, err
	}
	live, catalog, err := s.readLive(ctx, claims.SessionID)
	if err != nil {
		return domain.Principal{}, err
	}
	if live.Session.UserID != claims.Subject || live.Session.Kind != domain.SessionLogin {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	if err := s.markUsed(ctx, live.Session, claims.Generation); err != nil {
		return domain.Principal{}, err
	}
	return s.principal(ctx, live, catalog, claims.ExpiresAt, from)
}

// authenticateKey looks up the session of an opaque key. The whole key must match the stored digest.
func (s *Service) authenticateKey(ctx context.Context, key string, from domain.Origin) (domain.Principal, error) {
	id, ok := opaquetoken.Parse[domain.SessionID](opaquetoken.SessionKey, key)
	if !ok {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	live, catalog, err := s.readLive(ctx, id)
	if err != nil {
		return domain.Principal{}, err
	}
	if !opaquetoken.Matches(live.Session.TokenDigest, key) {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	return s.principal(ctx, live, catalog, live.Session.ExpiresAt, from)
}

// principal builds the principal of a live session and records the activity. ends is the expiry of the credential; the
// principal expires at the earlier of it and the session's end.
func (s *Service) principal(ctx context.Context, live domain.LiveSession, catalog *domain.Catalog, ends time.Time,
	from domain.Origin,
) (domain.Principal, error) {
	now := s.deps.Clock.Now().UTC()
	if now.Sub(live.Session.LastActivity) >= touchStep {
		if err := s.deps.View.Touch(ctx, live.Session.ID, now); err != nil {
			return domain.Principal{}, err
		}
	}
	touched := *live.Session
	touched.LastActivity = now
	if limit := touched.EndsAt(catalog.Settings.Session); limit.Before(ends) {
		ends = limit
	}
	return domain.Principal{
		Kind: domain.PrincipalUser, UserID: live.User.ID, Username: live.User.Username, SessionID: live.Session.ID,
		Role: live.User.Role, Level: catalog.Role(live.User.Role).Level, Grants: access.Held(catalog, live.User),
		Scope: s.scope(catalog, live.User, live.Session), AuthTime: live.Session.AuthTime, ExpiresAt: ends, Origin: from,
	}, nil
}

// Introspection is the response for a token (RFC 7662). If Active is false, the other fields have no meaning.
type Introspection struct {
	Active    bool
	Principal domain.Principal
}

// Introspect describes a token to a resource server. It requires tokens.introspect. An invalid token of any kind is
// only reported as not active (RFC 7662 section 2.2). Introspection does not count as activity of the session's user.
func (s *Service) Introspect(ctx context.Context, by domain.Principal, token string) (Introspection, error) {
	if err := by.Require(domain.TokensIntrospect); err != nil {
		return Introspection{}, err
	}
	if token == "" {
		return Introspection{}, fault.ErrInvalid.About("token", "is required")
	}
	var (
		p   domain.Principal
		err error
	)
	if opaquetoken.KindOf(token) == opaquetoken.Refresh {
		p, err = s.refreshPrincipal(ctx, token)
	} else {
		p, err = s.Authenticate(ctx, token, by.Origin)
	}
	if f := fault.Of(err); f != nil {
		if f.Kind == fault.Unauthenticated {
			return Introspection{}, nil
		}
		return Introspection{}, err
	}
	return Introspection{Active: p.Scope == "", Principal: p}, nil
}

func (s *Service) refreshPrincipal(ctx context.Context, token string) (domain.Principal, error) {
	id, counter, ok := opaquetoken.ParseRefresh(token)
	if !ok {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	live, _, err := s.readLive(ctx, id)
	if err != nil {
		return domain.Principal{}, err
	}
	genuine, err := s.isGenuine(live.Session, token, counter)
	if err != nil {
		return domain.Principal{}, err
	}
	if !genuine || counter != live.Session.Refresh.Counter {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	if err := s.markUsed(ctx, live.Session, counter); err != nil {
		return domain.Principal{}, err
	}
	return domain.Principal{
		Kind: domain.PrincipalUser, UserID: live.User.ID, Username: live.User.Username, SessionID: id,
		AuthTime: live.Session.AuthTime, ExpiresAt: live.Session.ExpiresAt,
	}, nil
}

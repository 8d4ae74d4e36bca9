package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// touchStep is how much older than now a session's last activity must be to be noted anew: its limits are minutes, and a busy
// client would have each of its requests write.
const touchStep = time.Second

// Authenticate returns whom a credential stands for at this moment: an access token, the key of a session, or an API key. One
// that is not ours, has run out or was ended is fault.ErrUnauthorized. Whether it is live is looked up, never believed.
func (s *Service) Authenticate(ctx context.Context, credential string, from domain.Origin) (domain.Principal, error) {
	switch {
	case len(credential) > maxTokenBytes:
		return domain.Principal{}, fault.ErrUnauthorized
	case strings.HasPrefix(credential, apiKeyPrefix):
		return s.deps.Keys.Authenticate(ctx, credential, from)
	case strings.HasPrefix(credential, keyPrefix):
		return s.authenticateKey(ctx, credential, from)
	}
	claims, err := s.deps.Tokens.Check(ctx, credential, s.deps.Clock.Now())
	if err != nil {
		return domain.Principal{}, err
	}
	live, catalog, err := s.lookLive(ctx, claims.SessionID)
	if err != nil {
		return domain.Principal{}, err
	}
	if live.Session.UserID != claims.Subject || live.Session.Kind != domain.SessionLogin {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	if err := s.see(ctx, live.Session, claims.Generation); err != nil {
		return domain.Principal{}, err
	}
	return s.principal(ctx, live, catalog, claims.ExpiresAt, from)
}

// authenticateKey looks up the session that an opaque key belongs to. The whole text must match its digest.
func (s *Service) authenticateKey(ctx context.Context, key string, from domain.Origin) (domain.Principal, error) {
	rest := strings.TrimPrefix(key, keyPrefix)
	if len(rest) != ulidLength+base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	id, err := domain.ParseSessionID(domain.SessionPrefix + rest[:ulidLength])
	if err != nil {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	live, catalog, err := s.lookLive(ctx, id)
	if err != nil {
		return domain.Principal{}, err
	}
	digest := sha256.Sum256([]byte(key))
	if subtle.ConstantTimeCompare(digest[:], live.Session.TokenDigest) != 1 {
		return domain.Principal{}, fault.ErrUnauthorized
	}
	return s.principal(ctx, live, catalog, live.Session.ExpiresAt, from)
}

// principal makes the principal of a live session and notes the activity. The credential's own end counts where it is nearer.
func (s *Service) principal(ctx context.Context, live domain.LiveSession, catalog *domain.Catalog, ends time.Time, from domain.Origin) (domain.Principal, error) {
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
	p := domain.Principal{
		Kind: domain.PrincipalUser, UserID: live.User.ID, Username: live.User.Username, SessionID: live.Session.ID,
		Role: live.User.Role, Level: catalog.Roles[live.User.Role].Level, Grants: access.Held(catalog, live.User),
		AuthTime: live.Session.AuthTime, ExpiresAt: ends, Origin: from,
	}
	if s.enrolmentOnly(catalog, live.User, live.Session) {
		p.Scope = domain.ScopeEnrollment
	}
	return p, nil
}

// Introspection is what RFC 7662 tells of a token. Only Active counts where it is false.
type Introspection struct {
	Active    bool
	Kind      string // access_token, refresh_token or api_key
	Principal domain.Principal
}

// Introspect tells a resource server about a token. It takes tokens.introspect; whatever is wrong with the token, the answer
// is only that it is not active (RFC 7662 section 2.2). Looking is not activity of the session's user.
func (s *Service) Introspect(ctx context.Context, by domain.Principal, token string) (Introspection, error) {
	if err := by.Require(domain.TokensIntrospect); err != nil {
		return Introspection{}, err
	}
	if token == "" {
		return Introspection{}, fault.ErrInvalid.About("token", "is required")
	}
	var (
		p    domain.Principal
		kind string
		err  error
	)
	switch {
	case strings.HasPrefix(token, refreshPrefix):
		kind = "refresh_token"
		p, err = s.refreshPrincipal(ctx, token)
	case strings.HasPrefix(token, apiKeyPrefix):
		kind = "api_key"
		p, err = s.Authenticate(ctx, token, by.Origin)
	default:
		kind = "access_token"
		p, err = s.Authenticate(ctx, token, by.Origin)
	}
	if f := fault.Of(err); f != nil {
		if f.Kind == fault.Unauthenticated {
			return Introspection{}, nil
		}
		return Introspection{}, err
	}
	return Introspection{Active: p.Scope == "", Kind: kind, Principal: p}, nil
}

func (s *Service) refreshPrincipal(ctx context.Context, token string) (domain.Principal, error) {
	id, counter, err := parseRefreshToken(token)
	if err != nil {
		return domain.Principal{}, err
	}
	live, _, err := s.lookLive(ctx, id)
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
	if err := s.see(ctx, live.Session, counter); err != nil {
		return domain.Principal{}, err
	}
	return domain.Principal{
		Kind: domain.PrincipalUser, UserID: live.User.ID, Username: live.User.Username, SessionID: id,
		AuthTime: live.Session.AuthTime, ExpiresAt: live.Session.ExpiresAt,
	}, nil
}

package auth

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

const maxTokenBytes = 4096

// Tokens holds the tokens of a session for the client.
type Tokens struct {
	Access    string
	Refresh   string
	Key       string        // of a domain.SessionKey, which has no other tokens
	ExpiresIn time.Duration // of the access token
}

// firstTokens issues the tokens of a new session. The session stores only a digest or a sealed key of the random
// secrets.
func (s *Service) firstTokens(ctx context.Context, session *domain.Session) (Tokens, error) {
	if session.Kind != domain.SessionKey {
		return s.tokens(ctx, session)
	}
	key := opaquetoken.New(opaquetoken.SessionKey, session.ID)
	session.TokenDigest = opaquetoken.Digest(key)
	return Tokens{Key: key}, nil
}

// tokens issues the access token and the refresh token of the family's current counter.
func (s *Service) tokens(ctx context.Context, session *domain.Session) (Tokens, error) {
	refresh, err := s.refreshToken(session, session.Refresh.Counter)
	if err != nil {
		return Tokens{}, err
	}
	now := s.deps.Clock.Now().UTC()
	expires := now.Add(s.deps.AccessTokenLifetime)
	if session.ExpiresAt.Before(expires) {
		expires = session.ExpiresAt
	}
	access, err := s.deps.Tokens.Issue(ctx, domain.AccessClaims{
		TokenID: s.deps.IDs.NewID(""), Subject: session.UserID, SessionID: session.ID, Generation: session.Refresh.Counter,
		AuthTime: session.AuthTime, Methods: session.Methods, IssuedAt: now, ExpiresAt: expires,
	})
	return Tokens{Access: access, Refresh: refresh, ExpiresIn: expires.Sub(now)}, err
}

// refreshToken returns the refresh token of the family for a counter. Concurrent refreshes of one counter return the
// same successor, and no stored value reveals a token.
func (s *Service) refreshToken(session *domain.Session, counter int64) (string, error) {
	key, err := s.deps.Sealer.Open(session.Refresh.Key, RefreshBinding(session.ID))
	if err != nil {
		return "", err
	}
	return opaquetoken.NewRefresh(session.ID, counter, key), nil
}

// RefreshBinding returns the context that the key of a session's refresh tokens is sealed with.
func RefreshBinding(id domain.SessionID) string { return "sessions|" + string(id) + "|refresh_key" }

// isGenuine reports whether the token is exactly the family's token for that counter.
func (s *Service) isGenuine(session *domain.Session, token string, counter int64) (bool, error) {
	want, err := s.refreshToken(session, counter)
	return err == nil && opaquetoken.Equal(want, token), err
}

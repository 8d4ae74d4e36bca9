package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Each prefix identifies the kind of a secret before any lookup.
const (
	refreshPrefix = "ort_" // refresh token
	keyPrefix     = "ouk_" // token of a domain.SessionKey, the apiKey of the Users API
	apiKeyPrefix  = "sk_live_"
	ulidLength    = 26
	maxTokenBytes = 4096
)

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
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return Tokens{}, err
	}
	key := keyPrefix + bareID(session.ID) + base64.RawURLEncoding.EncodeToString(secret)
	digest := sha256.Sum256([]byte(key))
	session.TokenDigest = digest[:]
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

// refreshToken returns the refresh token of the family for a counter. It is a MAC under the session's own key, so
// concurrent refreshes of one counter return the same successor, and no stored value reveals a token.
func (s *Service) refreshToken(session *domain.Session, counter int64) (string, error) {
	key, err := s.deps.Sealer.Open(session.Refresh.Key, RefreshBinding(session.ID))
	if err != nil {
		return "", err
	}
	body := refreshPrefix + bareID(session.ID) + "_" + strconv.FormatInt(counter, 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(body))
	return body + "_" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// RefreshBinding returns the context that the key of a session's refresh tokens is sealed with.
func RefreshBinding(id domain.SessionID) string { return "sessions|" + string(id) + "|refresh_key" }

func bareID(id domain.SessionID) string { return strings.TrimPrefix(string(id), domain.SessionPrefix) }

// parseRefreshToken returns the session and counter in a refresh token. It does not check whether the token is genuine.
func parseRefreshToken(token string) (domain.SessionID, int64, error) {
	rest, ok := strings.CutPrefix(token, refreshPrefix)
	if !ok || len(token) > 256 {
		return "", 0, fault.ErrUnauthorized
	}
	parts := strings.SplitN(rest, "_", 3)
	if len(parts) != 3 {
		return "", 0, fault.ErrUnauthorized
	}
	id, err := domain.ParseSessionID(domain.SessionPrefix + parts[0])
	counter, numErr := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || numErr != nil || counter < 0 {
		return "", 0, fault.ErrUnauthorized
	}
	return id, counter, nil
}

// isGenuine reports whether the token is exactly the family's token for that counter.
func (s *Service) isGenuine(session *domain.Session, token string, counter int64) (bool, error) {
	want, err := s.refreshToken(session, counter)
	return err == nil && hmac.Equal([]byte(want), []byte(token)), err
}

package domain

import (
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// SessionKind is the kind of a session.
type SessionKind string

// The kinds of sessions.
const (
	// SessionLogin has access and refresh tokens.
	SessionLogin SessionKind = "login"
	// SessionKey has one opaque token, the apiKey of the Users API.
	SessionKey SessionKind = "key"
)

// Session is one login. It owns one refresh token family. It is live while its user lists it, its ExpiresAt is in the
// future and its LastActivity is recent enough for the policy in force.
type Session struct {
	ID     SessionID
	UserID UserID
	Kind   SessionKind

	CreatedAt    time.Time
	LastActivity time.Time
	ExpiresAt    time.Time // absolute; rotation does not move it
	Remember     bool
	EndedAt      time.Time // zero while live; for display only, since the user's list decides

	IPAddress string
	UserAgent string
	AuthTime  time.Time // time of the last proof of identity
	Methods   []string  // RFC 8176 authentication methods

	Refresh RefreshFamily
	// TokenDigest is the SHA-256 of the token of a SessionKey.
	TokenDigest []byte
	Provider    ProviderSession
}

// RefreshFamily is the state of a session's chain of refresh tokens: the counter of the valid token, and the time and
// client of its rotation. The counter also numbers the generation: the refresh token and the access tokens issued with
// it.
type RefreshFamily struct {
	Key       []byte // sealed; the MAC key of this family
	Counter   int64
	RotatedAt time.Time
	IPAddress string
	UserAgent string
	// Unseen is true from a rotation until the service first accepts a token of the new generation. It is false for the
	// first generation of a session, which replaces none, and for a generation stored before this field existed.
	Unseen bool
}

// Awaits reports whether the service has not yet accepted a token of the generation.
func (f *RefreshFamily) Awaits(generation int64) bool { return f.Unseen && f.Counter == generation }

// ProviderSession links a session to the one at an OIDC provider.
type ProviderSession struct {
	Directory DirectoryID
	ID        string // "sid" at the provider
	Subject   Subject
	Grant     []byte // the provider's refresh token, sealed
	IDToken   []byte // for RP-initiated logout, sealed
	CheckedAt time.Time
}

// MethodProviderFactor is among the methods of a session whose provider verified a second factor that counts as ours.
const MethodProviderFactor = "provider_mfa"

// HasProviderFactor reports whether the provider's second factor replaces ours in this session.
func (s *Session) HasProviderFactor() bool {
	return s.Provider.Directory != "" && slices.Contains(s.Methods, MethodProviderFactor)
}

// IdleLimit returns how long the session may be inactive under the policy.
func (s *Session) IdleLimit(policy SessionPolicy) time.Duration {
	if s.Remember {
		return policy.RememberFor()
	}
	return policy.IdleTimeout()
}

// EndsAt returns when the session ends without further activity: the earlier of its idle and absolute limits.
func (s *Session) EndsAt(policy SessionPolicy) time.Time {
	idle := s.LastActivity.Add(s.IdleLimit(policy))
	if idle.Before(s.ExpiresAt) {
		return idle
	}
	return s.ExpiresAt
}

// Clone returns a deep copy.
func (s *Session) Clone() Session {
	c := *s
	c.Methods = slices.Clone(s.Methods)
	c.Refresh.Key = slices.Clone(s.Refresh.Key)
	c.TokenDigest = slices.Clone(s.TokenDigest)
	c.Provider.Grant = slices.Clone(s.Provider.Grant)
	c.Provider.IDToken = slices.Clone(s.Provider.IDToken)
	return c
}

// LiveSession is the data that the verification of a session needs, read in one step. The values are shared and must
// not be modified.
type LiveSession struct {
	Session *Session
	User    *User
	// Catalog is the version of roles, groups and settings that was current at the read.
	Catalog int64
}

// LoginSnapshot is the lookup at the start of a login, read in one step.
type LoginSnapshot struct {
	// User is the user that the name identifies; zero if there is none.
	User User
	// Catalog is the version of roles, groups and settings that was current at the read.
	Catalog int64
	// Sessions are those that the user lists, if the store could return them at no extra cost; otherwise nil.
	Sessions []Session
}

// APIKey lets a program act for its owner with some of the owner's permissions.
type APIKey struct {
	ID          KeyID
	UserID      UserID
	Name        string
	Prefix      string // the first characters of the key, for display
	Digest      []byte // SHA-256 of the whole key
	Permissions []Permission
	Epoch       int // the owner's KeyEpoch at creation
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero for none
	LastUsedAt  time.Time // coalesced: up to a minute old
	RevokedAt   time.Time
}

// IsLive reports whether the key is valid at now for its owner.
func (k *APIKey) IsLive(owner *User, now time.Time) bool {
	return k.RevokedAt.IsZero() && k.Epoch == owner.KeyEpoch && owner.Status == StatusActive &&
		(k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// LiveKey is the data that the verification of an API key needs, read in one step. The values are shared and must not
// be modified.
type LiveKey struct {
	Key     *APIKey
	User    *User
	Catalog int64
}

// ThirdPartyPrefix is the beginning of every third-party token, which distinguishes it from all other credentials.
const ThirdPartyPrefix = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

// ThirdPartyToken is the record of a TPT of the Users API; the token itself is signed and not stored.
type ThirdPartyToken struct {
	ID        string // "jti"
	Role      RoleID
	CreatedBy UserID
	CreatedAt time.Time
	ExpiresAt time.Time // zero for none
	RevokedAt time.Time
}

// The errors of sessions, keys and third-party tokens.
var (
	ErrSessionNotFound = fault.New(fault.NotFound, "not_found", "Session not found")
	ErrKeyNotFound     = fault.New(fault.NotFound, "not_found", "API key not found")
	ErrTokenNotFound   = fault.New(fault.NotFound, "not_found", "Token not found")
)

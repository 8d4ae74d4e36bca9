package records

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Session is the document of a session.
type Session struct {
	ID        domain.SessionID   `json:"id"                  bson:"id"`
	UserID    domain.UserID      `json:"user_id"             bson:"userid"`
	Kind      domain.SessionKind `json:"kind"                bson:"kind"`
	CreatedAt time.Time          `json:"created_at,omitzero" bson:"createdat"`
	// LastActivity is a column in SQLite, so that noting it rewrites nothing else.
	LastActivity time.Time `json:"-"                      bson:"lastactivity"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"    bson:"expiresat"`
	Remember     bool      `json:"remember,omitempty"     bson:"remember"`
	EndedAt      time.Time `json:"ended_at,omitzero"      bson:"endedat"`
	IPAddress    string    `json:"ip_address,omitempty"   bson:"ipaddress"`
	UserAgent    string    `json:"user_agent,omitempty"   bson:"useragent"`
	AuthTime     time.Time `json:"auth_time,omitzero"     bson:"authtime"`
	Methods      []string  `json:"methods,omitempty"      bson:"methods"`
	Refresh      Refresh   `json:"refresh,omitzero"       bson:"refresh"`
	TokenDigest  []byte    `json:"token_digest,omitempty" bson:"tokendigest"`
	Provider     Provider  `json:"provider,omitzero"      bson:"provider"`
}

// Refresh is the state of a session's refresh tokens.
type Refresh struct {
	Key       []byte    `json:"key,omitempty"        bson:"key"`
	Counter   int64     `json:"counter,omitempty"    bson:"counter"`
	RotatedAt time.Time `json:"rotated_at,omitzero"  bson:"rotatedat"`
	IPAddress string    `json:"ip_address,omitempty" bson:"ipaddress"`
	UserAgent string    `json:"user_agent,omitempty" bson:"useragent"`
	Unseen    bool      `json:"unseen,omitempty"     bson:"unseen"`
}

// IsZero reports whether JSON leaves the refresh tokens out.
func (r Refresh) IsZero() bool {
	return r.Key == nil && r.Counter == 0 && r.RotatedAt.IsZero() && r.IPAddress == "" && r.UserAgent == "" && !r.Unseen
}

// Provider is a session at an OIDC provider.
type Provider struct {
	Directory domain.DirectoryID `json:"directory"           bson:"directory"`
	ID        string             `json:"id,omitempty"        bson:"id"`
	Subject   domain.Subject     `json:"subject,omitempty"   bson:"subject"`
	Grant     []byte             `json:"grant,omitempty"     bson:"grant"`
	IDToken   []byte             `json:"id_token,omitempty"  bson:"idtoken"`
	CheckedAt time.Time          `json:"checked_at,omitzero" bson:"checkedat"`
}

// IsZero reports whether JSON leaves the provider out.
func (r Provider) IsZero() bool { return r.Directory == "" }

// NewSession returns the document of the session. It shares slices with the session.
func NewSession(s *domain.Session) Session {
	return Session{
		ID: s.ID, UserID: s.UserID, Kind: s.Kind, CreatedAt: s.CreatedAt, LastActivity: s.LastActivity,
		ExpiresAt: s.ExpiresAt,
		Remember:  s.Remember, EndedAt: s.EndedAt, IPAddress: s.IPAddress, UserAgent: s.UserAgent, AuthTime: s.AuthTime,
		Methods: s.Methods,
		Refresh: Refresh(s.Refresh), TokenDigest: s.TokenDigest, Provider: Provider(s.Provider),
	}
}

// Domain returns the session of the document.
func (r *Session) Domain() domain.Session {
	return domain.Session{
		ID: r.ID, UserID: r.UserID, Kind: r.Kind, CreatedAt: r.CreatedAt, LastActivity: r.LastActivity,
		ExpiresAt: r.ExpiresAt,
		Remember:  r.Remember, EndedAt: r.EndedAt, IPAddress: r.IPAddress, UserAgent: r.UserAgent, AuthTime: r.AuthTime,
		Methods: r.Methods,
		Refresh: domain.RefreshFamily(r.Refresh), TokenDigest: r.TokenDigest, Provider: domain.ProviderSession(r.Provider),
	}
}

// APIKey is the document of an API key.
type APIKey struct {
	ID          domain.KeyID        `json:"id"                    bson:"id"`
	UserID      domain.UserID       `json:"user_id"               bson:"userid"`
	Name        string              `json:"name,omitempty"        bson:"name"`
	Prefix      string              `json:"prefix,omitempty"      bson:"prefix"`
	Digest      []byte              `json:"digest"                bson:"digest"`
	Permissions []domain.Permission `json:"permissions,omitempty" bson:"permissions"`
	Epoch       int                 `json:"epoch,omitempty"       bson:"epoch"`
	CreatedAt   time.Time           `json:"created_at,omitzero"   bson:"createdat"`
	ExpiresAt   time.Time           `json:"expires_at,omitzero"   bson:"expiresat"`
	// LastUsedAt is a column in SQLite, as Session.LastActivity is.
	LastUsedAt time.Time `json:"-"                   bson:"lastusedat"`
	RevokedAt  time.Time `json:"revoked_at,omitzero" bson:"revokedat"`
}

// NewAPIKey returns the document of the key.
func NewAPIKey(k *domain.APIKey) APIKey { return APIKey(*k) }

// Domain returns the key of the document.
func (r *APIKey) Domain() domain.APIKey { return domain.APIKey(*r) }

// ThirdPartyToken is the document of a third-party token.
type ThirdPartyToken struct {
	ID        string        `json:"id"                  bson:"id"`
	Role      domain.RoleID `json:"role"                bson:"role"`
	CreatedBy domain.UserID `json:"created_by"          bson:"createdby"`
	CreatedAt time.Time     `json:"created_at,omitzero" bson:"createdat"`
	ExpiresAt time.Time     `json:"expires_at,omitzero" bson:"expiresat"`
	RevokedAt time.Time     `json:"revoked_at,omitzero" bson:"revokedat"`
}

// NewThirdPartyToken returns the document of the token.
func NewThirdPartyToken(t *domain.ThirdPartyToken) ThirdPartyToken { return ThirdPartyToken(*t) }

// Domain returns the token of the document.
func (r *ThirdPartyToken) Domain() domain.ThirdPartyToken { return domain.ThirdPartyToken(*r) }

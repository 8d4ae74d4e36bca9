package sqlitestore

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// sessionRecord is the document of a session. Its last activity stands in a column alone, so that noting it rewrites
// nothing else.
type sessionRecord struct {
	ID          domain.SessionID   `json:"id"`
	UserID      domain.UserID      `json:"user_id"`
	Kind        domain.SessionKind `json:"kind"`
	CreatedAt   time.Time          `json:"created_at,omitzero"`
	ExpiresAt   time.Time          `json:"expires_at,omitzero"`
	Remember    bool               `json:"remember,omitempty"`
	EndedAt     time.Time          `json:"ended_at,omitzero"`
	IPAddress   string             `json:"ip_address,omitempty"`
	UserAgent   string             `json:"user_agent,omitempty"`
	AuthTime    time.Time          `json:"auth_time,omitzero"`
	Methods     []string           `json:"methods,omitempty"`
	Refresh     refreshRecord      `json:"refresh,omitzero"`
	TokenDigest []byte             `json:"token_digest,omitempty"`
	Provider    *providerRecord    `json:"provider,omitempty"`
}

type refreshRecord struct {
	Key       []byte    `json:"key,omitempty"`
	Counter   int64     `json:"counter,omitempty"`
	RotatedAt time.Time `json:"rotated_at,omitzero"`
	IPAddress string    `json:"ip_address,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	Unseen    bool      `json:"unseen,omitempty"`
}

// IsZero keeps sessions without refresh tokens short.
func (r refreshRecord) IsZero() bool {
	return r.Key == nil && r.Counter == 0 && r.RotatedAt.IsZero() && r.IPAddress == "" && r.UserAgent == "" && !r.Unseen
}

type providerRecord struct {
	Directory domain.DirectoryID `json:"directory"`
	ID        string             `json:"id,omitempty"`
	Subject   domain.Subject     `json:"subject,omitempty"`
	Grant     []byte             `json:"grant,omitempty"`
	IDToken   []byte             `json:"id_token,omitempty"`
	CheckedAt time.Time          `json:"checked_at,omitzero"`
}

func encodeSession(s *domain.Session) (string, error) {
	r := sessionRecord{
		ID: s.ID, UserID: s.UserID, Kind: s.Kind, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, Remember: s.Remember,
		EndedAt: s.EndedAt, IPAddress: s.IPAddress, UserAgent: s.UserAgent, AuthTime: s.AuthTime, Methods: s.Methods,
		Refresh: refreshRecord(s.Refresh), TokenDigest: s.TokenDigest,
	}
	if s.Provider.Directory != "" {
		p := providerRecord(s.Provider)
		r.Provider = &p
	}
	return encode(r)
}

func decodeSession(doc string, lastActivity int64) (domain.Session, error) {
	var r sessionRecord
	if err := decode(doc, &r); err != nil {
		return domain.Session{}, err
	}
	s := domain.Session{
		ID: r.ID, UserID: r.UserID, Kind: r.Kind, CreatedAt: r.CreatedAt, LastActivity: fromNano(lastActivity), ExpiresAt: r.ExpiresAt,
		Remember: r.Remember, EndedAt: r.EndedAt, IPAddress: r.IPAddress, UserAgent: r.UserAgent, AuthTime: r.AuthTime, Methods: r.Methods,
		Refresh: domain.RefreshFamily(r.Refresh), TokenDigest: r.TokenDigest,
	}
	if r.Provider != nil {
		s.Provider = domain.ProviderSession(*r.Provider)
	}
	return s, nil
}

// keyRecord is the document of an API key; its last use stands in a column alone.
type keyRecord struct {
	ID          domain.KeyID        `json:"id"`
	UserID      domain.UserID       `json:"user_id"`
	Name        string              `json:"name,omitempty"`
	Prefix      string              `json:"prefix,omitempty"`
	Digest      []byte              `json:"digest"`
	Permissions []domain.Permission `json:"permissions,omitempty"`
	Epoch       int                 `json:"epoch,omitempty"`
	CreatedAt   time.Time           `json:"created_at,omitzero"`
	ExpiresAt   time.Time           `json:"expires_at,omitzero"`
	RevokedAt   time.Time           `json:"revoked_at,omitzero"`
}

func encodeKey(k *domain.APIKey) (string, error) {
	return encode(keyRecord{
		ID: k.ID, UserID: k.UserID, Name: k.Name, Prefix: k.Prefix, Digest: k.Digest, Permissions: k.Permissions, Epoch: k.Epoch,
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt,
	})
}

func decodeKey(doc string, lastUsed int64) (domain.APIKey, error) {
	var r keyRecord
	if err := decode(doc, &r); err != nil {
		return domain.APIKey{}, err
	}
	return domain.APIKey{
		ID: r.ID, UserID: r.UserID, Name: r.Name, Prefix: r.Prefix, Digest: r.Digest, Permissions: r.Permissions, Epoch: r.Epoch,
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, LastUsedAt: fromNano(lastUsed), RevokedAt: r.RevokedAt,
	}, nil
}

// tokenRecord is the document of a third-party token.
type tokenRecord struct {
	ID        string        `json:"id"`
	Role      domain.RoleID `json:"role"`
	CreatedBy domain.UserID `json:"created_by"`
	CreatedAt time.Time     `json:"created_at,omitzero"`
	ExpiresAt time.Time     `json:"expires_at,omitzero"`
	RevokedAt time.Time     `json:"revoked_at,omitzero"`
}

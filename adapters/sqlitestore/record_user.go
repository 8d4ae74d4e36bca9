package sqlitestore

import (
	"encoding/json"
	"fmt"
	"time"

	strict "github.com/go-json-experiment/json" // reads twice as fast as the standard library

	"github.com/ostiary/ostiary/core/domain"
)

// userRecord is the document of a user. What stands in it twice, since a column has it too, is read from here; the search
// text stands in its column alone.
type userRecord struct {
	ID            domain.UserID      `json:"id"`
	Identifier    string             `json:"identifier,omitempty"`
	Username      string             `json:"username"`
	Email         string             `json:"email,omitempty"`
	UsernameKey   string             `json:"username_key"`
	EmailKey      string             `json:"email_key,omitempty"`
	FullName      string             `json:"full_name,omitempty"`
	FamilyName    string             `json:"family_name,omitempty"`
	PhoneNumber   string             `json:"phone_number,omitempty"`
	Metadata      []byte             `json:"metadata,omitempty"` // as it was sent, byte for byte
	Role          domain.RoleID      `json:"role"`
	Groups        []domain.GroupID   `json:"groups,omitempty"`
	Status        domain.UserStatus  `json:"status"`
	Directory     domain.DirectoryID `json:"directory"`
	Subject       domain.Subject     `json:"subject,omitempty"`
	EmailVerified bool               `json:"email_verified,omitempty"`
	Password      *passwordRecord    `json:"password,omitempty"`
	Factor        factorRecord       `json:"factor,omitzero"`
	Tokens        []userTokenRecord  `json:"tokens,omitempty"`
	Sessions      []sessionRefRecord `json:"sessions,omitempty"`
	KeyEpoch      int                `json:"key_epoch,omitempty"`
	CreatedAt     time.Time          `json:"created_at,omitzero"`
	UpdatedAt     time.Time          `json:"updated_at,omitzero"`
	LastLogin     time.Time          `json:"last_login,omitzero"`
	DeactivatedAt time.Time          `json:"deactivated_at,omitzero"`
	BySync        bool               `json:"deactivated_by_sync,omitempty"`
}

type passwordRecord struct {
	Hash       string    `json:"hash"`
	ChangedAt  time.Time `json:"changed_at,omitzero"`
	MustChange bool      `json:"must_change,omitempty"`
	History    []string  `json:"history,omitempty"`
}

type userTokenRecord struct {
	Purpose   domain.TokenPurpose `json:"purpose"`
	Digest    []byte              `json:"digest"`
	ExpiresAt time.Time           `json:"expires_at,omitzero"`
}

type sessionRefRecord struct {
	ID        domain.SessionID `json:"id"`
	StartedAt time.Time        `json:"started_at,omitzero"`
	ExpiresAt time.Time        `json:"expires_at,omitzero"`
}

func encodeUser(u *domain.User) (string, error) {
	r := userRecord{
		ID: u.ID, Identifier: u.Identifier, Username: u.Username, Email: u.Email, UsernameKey: u.UsernameKey, EmailKey: u.EmailKey,
		FullName: u.FullName, FamilyName: u.FamilyName, PhoneNumber: u.PhoneNumber, Metadata: u.Metadata,
		Role: u.Role, Groups: u.Groups, Status: u.Status,
		Directory: u.Directory, Subject: u.Subject, EmailVerified: u.EmailVerified,
		Password: (*passwordRecord)(u.Password), Factor: newFactorRecord(&u.Factor),
		KeyEpoch: u.KeyEpoch, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, LastLogin: u.LastLogin, DeactivatedAt: u.DeactivatedAt,
		BySync: u.DeactivatedBySync,
	}
	for _, t := range u.Tokens {
		r.Tokens = append(r.Tokens, userTokenRecord(t))
	}
	for _, s := range u.Sessions {
		r.Sessions = append(r.Sessions, sessionRefRecord(s))
	}
	return encode(r)
}

func decodeUser(doc, searchText string) (domain.User, error) {
	var r userRecord
	if err := decode(doc, &r); err != nil {
		return domain.User{}, err
	}
	u := domain.User{
		ID: r.ID, Identifier: r.Identifier, Username: r.Username, Email: r.Email, UsernameKey: r.UsernameKey, EmailKey: r.EmailKey,
		FullName: r.FullName, FamilyName: r.FamilyName, SearchText: searchText, PhoneNumber: r.PhoneNumber, Metadata: r.Metadata,
		Role: r.Role, Groups: r.Groups, Status: r.Status,
		Directory: r.Directory, Subject: r.Subject, EmailVerified: r.EmailVerified,
		Password: (*domain.PasswordCredential)(r.Password), Factor: r.Factor.domain(),
		KeyEpoch: r.KeyEpoch, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, LastLogin: r.LastLogin, DeactivatedAt: r.DeactivatedAt,
		DeactivatedBySync: r.BySync,
	}
	for _, t := range r.Tokens {
		u.Tokens = append(u.Tokens, domain.UserToken(t))
	}
	for _, s := range r.Sessions {
		u.Sessions = append(u.Sessions, domain.SessionRef(s))
	}
	return u, nil
}

func encode(record any) (string, error) {
	raw, err := json.Marshal(record)
	if err != nil {
		return "", fmt.Errorf("encoding a %T: %w", record, err)
	}
	return string(raw), nil
}

// decode reads a document. Its error says nothing of the content.
func decode(doc string, into any) error {
	if err := strict.Unmarshal([]byte(doc), into); err != nil {
		return fmt.Errorf("a stored %T cannot be read", into)
	}
	return nil
}

// stamp returns the time as columns hold it: microseconds since 1970, 0 for none.
func stamp(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

// fromNano returns the time that a column holds in nanoseconds, zero for 0.
func fromNano(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

func toNano(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixNano()
}

package records

import (
	"encoding/json"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// User is the document of a user.
type User struct {
	ID          domain.UserID `json:"id"                    bson:"id"`
	Identifier  string        `json:"identifier,omitempty"  bson:"identifier"`
	Username    string        `json:"username"              bson:"username"`
	Email       string        `json:"email,omitempty"       bson:"email"`
	UsernameKey string        `json:"username_key"          bson:"usernamekey"`
	EmailKey    string        `json:"email_key,omitempty"   bson:"emailkey"`
	FullName    string        `json:"full_name,omitempty"   bson:"fullname"`
	FamilyName  string        `json:"family_name,omitempty" bson:"familyname"`
	// SearchText is a column in SQLite.
	SearchText  string           `json:"-"                      bson:"searchtext"`
	PhoneNumber string           `json:"phone_number,omitempty" bson:"phonenumber"`
	Metadata    Text             `json:"metadata,omitempty"     bson:"metadata"`
	Role        domain.RoleID    `json:"role"                   bson:"role"`
	Groups      []domain.GroupID `json:"groups,omitempty"       bson:"groups"`

	Status        domain.UserStatus  `json:"status"                        bson:"status"`
	Directory     domain.DirectoryID `json:"directory"                     bson:"directory"`
	Subject       domain.Subject     `json:"subject,omitempty"             bson:"subject"`
	EmailVerified bool               `json:"email_verified,omitempty"      bson:"emailverified"`
	Password      *Password          `json:"password,omitempty"            bson:"password"`
	Factor        Factor             `json:"factor,omitzero"               bson:"factor"`
	Tokens        []UserToken        `json:"tokens,omitempty"              bson:"tokens"`
	Sessions      []SessionRef       `json:"sessions,omitempty"            bson:"sessions"`
	KeyEpoch      int                `json:"key_epoch,omitempty"           bson:"keyepoch"`
	CreatedAt     time.Time          `json:"created_at,omitzero"           bson:"createdat"`
	UpdatedAt     time.Time          `json:"updated_at,omitzero"           bson:"updatedat"`
	LastLogin     time.Time          `json:"last_login,omitzero"           bson:"lastlogin"`
	DeactivatedAt time.Time          `json:"deactivated_at,omitzero"       bson:"deactivatedat"`
	BySync        bool               `json:"deactivated_by_sync,omitempty" bson:"deactivatedbysync"`
}

// Text is JSON as it was sent, byte for byte: base64 in JSON, a string in BSON.
type Text []byte

// Password is a user's password credential.
type Password struct {
	Hash       string    `json:"hash"                  bson:"hash"`
	ChangedAt  time.Time `json:"changed_at,omitzero"   bson:"changedat"`
	MustChange bool      `json:"must_change,omitempty" bson:"mustchange"`
	History    []string  `json:"history,omitempty"     bson:"history"`
}

// UserToken is a single-use token of a user.
type UserToken struct {
	Purpose   domain.TokenPurpose `json:"purpose"             bson:"purpose"`
	Digest    []byte              `json:"digest"              bson:"digest"`
	ExpiresAt time.Time           `json:"expires_at,omitzero" bson:"expiresat"`
}

// SessionRef lists a session in its user.
type SessionRef struct {
	ID        domain.SessionID `json:"id"                  bson:"id"`
	StartedAt time.Time        `json:"started_at,omitzero" bson:"startedat"`
	ExpiresAt time.Time        `json:"expires_at,omitzero" bson:"expiresat"`
}

// NewUser returns the document of the user. It shares slices with the user.
func NewUser(u *domain.User) User {
	return User{
		ID: u.ID, Identifier: u.Identifier, Username: u.Username, Email: u.Email, UsernameKey: u.UsernameKey,
		EmailKey: u.EmailKey,
		FullName: u.FullName, FamilyName: u.FamilyName, SearchText: u.SearchText, PhoneNumber: u.PhoneNumber,
		Metadata: Text(u.Metadata),
		Role:     u.Role, Groups: u.Groups, Status: u.Status, Directory: u.Directory, Subject: u.Subject,
		EmailVerified: u.EmailVerified,
		Password:      (*Password)(u.Password), Factor: newFactor(&u.Factor),
		Tokens:   convert(u.Tokens, func(t domain.UserToken) UserToken { return UserToken(t) }),
		Sessions: convert(u.Sessions, func(s domain.SessionRef) SessionRef { return SessionRef(s) }),
		KeyEpoch: u.KeyEpoch, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, LastLogin: u.LastLogin,
		DeactivatedAt: u.DeactivatedAt,
		BySync:        u.DeactivatedBySync,
	}
}

// Domain returns the user of the document.
func (r *User) Domain() domain.User {
	return domain.User{
		ID: r.ID, Identifier: r.Identifier, Username: r.Username, Email: r.Email, UsernameKey: r.UsernameKey,
		EmailKey:   r.EmailKey,
		Person:     domain.Person{FullName: r.FullName, PhoneNumber: r.PhoneNumber},
		FamilyName: r.FamilyName, SearchText: r.SearchText,
		Metadata: json.RawMessage(r.Metadata),
		Role:     r.Role, Groups: r.Groups, Status: r.Status, Directory: r.Directory, Subject: r.Subject,
		EmailVerified: r.EmailVerified,
		Password:      (*domain.PasswordCredential)(r.Password), Factor: r.Factor.domain(),
		Tokens:   convert(r.Tokens, func(t UserToken) domain.UserToken { return domain.UserToken(t) }),
		Sessions: convert(r.Sessions, func(s SessionRef) domain.SessionRef { return domain.SessionRef(s) }),
		KeyEpoch: r.KeyEpoch, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, LastLogin: r.LastLogin,
		DeactivatedAt:     r.DeactivatedAt,
		DeactivatedBySync: r.BySync,
	}
}

package domain

import (
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// UserStatus is the status of a user's account.
type UserStatus string

// The statuses of a user.
const (
	StatusPending     UserStatus = "pending_activation"
	StatusActive      UserStatus = "active"
	StatusDeactivated UserStatus = "deactivated"
)

// User is an account record with a permanent ID. It is one document: values that must change together, such as a
// password and the sessions that it ends, are written in one step on every store.
type User struct {
	ID         UserID
	Identifier string // eight hexadecimal digits, the unique ID in the Users API
	Username   string
	Email      string
	// UsernameKey and EmailKey are the normalized forms (NFKC and case folding) in which both are unique. EmailKey is
	// empty for users of a directory that returns no email.
	UsernameKey string
	EmailKey    string
	Person
	// FamilyName is the last part of FullName, if the Users API has set it.
	FamilyName string
	// SearchText contains the case-folded username, email and full name, each on its own line.
	SearchText string
	Metadata   Metadata

	Role   RoleID
	Groups []GroupID
	Status UserStatus

	Directory     DirectoryID
	Subject       Subject // for users of an external directory; empty for the built-in one
	EmailVerified bool

	Password *PasswordCredential // for users of the built-in directory; nil until set
	Factor   Factor
	Tokens   []UserToken
	// Sessions are the live sessions. A session that is not listed here has ended, regardless of its own record.
	Sessions []SessionRef
	// KeyEpoch invalidates all API keys: a key created in an earlier epoch is invalid.
	KeyEpoch int

	CreatedAt     time.Time
	UpdatedAt     time.Time
	LastLogin     time.Time
	DeactivatedAt time.Time
	// DeactivatedBySync reports whether a synchronization of the user's directory deactivated the user, and no
	// administrator has confirmed it since: then a synchronization may reactivate the user.
	DeactivatedBySync bool
}

// SessionRef lists a session in its user, with its start and its latest end.
type SessionRef struct {
	ID        SessionID
	StartedAt time.Time
	ExpiresAt time.Time
}

// PasswordCredential is the password of a user of the built-in directory. Hash and History are PHC strings or an
// imported format.
type PasswordCredential struct {
	Hash       string
	ChangedAt  time.Time
	MustChange bool
	History    []string // earlier hashes, the latest first
}

// TokenPurpose is the purpose of a token that was sent to a user.
type TokenPurpose string

// The purposes of user tokens.
const (
	TokenActivation TokenPurpose = "activation"      // sets the first password, activates, verifies the e-mail
	TokenReset      TokenPurpose = "reset"           // sets a forgotten password
	TokenChange     TokenPurpose = "change"          // sets a new password in place of an expired one
	TokenEmail      TokenPurpose = "email"           // confirms a changed e-mail
	TokenLink       TokenPurpose = "activation_link" // like activation, created by an operator on the command line
)

// Lifetime returns how long a token of the purpose is valid.
func (p TokenPurpose) Lifetime() time.Duration {
	switch p {
	case TokenActivation:
		return 7 * 24 * time.Hour
	case TokenEmail:
		return 24 * time.Hour
	case TokenChange:
		return 10 * time.Minute
	default:
		return 30 * time.Minute
	}
}

// UserToken is a single-use token of a user. Only its SHA-256 digest is stored.
type UserToken struct {
	Purpose   TokenPurpose
	Digest    []byte
	ExpiresAt time.Time
}

// ListsSession reports whether the user lists the session as live.
func (u *User) ListsSession(id SessionID) bool {
	return slices.ContainsFunc(u.Sessions, func(r SessionRef) bool { return r.ID == id })
}

// EndSession removes the session from the list and reports whether it was listed.
func (u *User) EndSession(id SessionID) bool {
	before := len(u.Sessions)
	u.Sessions = slices.DeleteFunc(u.Sessions, func(r SessionRef) bool { return r.ID == id })
	return len(u.Sessions) < before
}

// EndSessionsExcept removes all sessions except keep from the list and returns the removed ones; an empty keep removes
// all.
func (u *User) EndSessionsExcept(keep SessionID) []SessionID {
	var ended []SessionID
	u.Sessions = slices.DeleteFunc(u.Sessions, func(r SessionRef) bool {
		if r.ID == keep {
			return false
		}
		ended = append(ended, r.ID)
		return true
	})
	return ended
}

// AddToken adds a token. It replaces earlier tokens of the same purpose and removes expired ones.
func (u *User) AddToken(token UserToken, now time.Time) {
	u.Tokens = slices.DeleteFunc(u.Tokens, func(t UserToken) bool {
		return t.Purpose == token.Purpose || !now.Before(t.ExpiresAt)
	})
	u.Tokens = append(u.Tokens, token)
}

// FindToken returns the live token with the digest.
func (u *User) FindToken(digest []byte, now time.Time) (UserToken, bool) {
	for _, t := range u.Tokens {
		if now.Before(t.ExpiresAt) && slices.Equal(t.Digest, digest) {
			return t, true
		}
	}
	return UserToken{}, false
}

// DropTokens removes the tokens with the given purposes; without any, all tokens.
func (u *User) DropTokens(purposes ...TokenPurpose) {
	u.Tokens = slices.DeleteFunc(u.Tokens, func(t UserToken) bool {
		return len(purposes) == 0 || slices.Contains(purposes, t.Purpose)
	})
}

// Deactivate deactivates the user and ends all credentials: sessions, API keys and pending tokens.
func (u *User) Deactivate(now time.Time) {
	u.Status = StatusDeactivated
	u.DeactivatedAt = now
	u.DeactivatedBySync = false
	u.UpdatedAt = now
	u.Sessions = nil
	u.Tokens = nil
	u.KeyEpoch++
}

// ConfirmDeactivation marks the deactivation by a synchronization as an administrator's, which no synchronization
// reverts. It reports whether that changed anything.
func (u *User) ConfirmDeactivation() bool {
	if u.Status != StatusDeactivated || !u.DeactivatedBySync {
		return false
	}
	u.DeactivatedBySync = false
	return true
}

// Activate activates the user.
func (u *User) Activate() {
	u.Status = StatusActive
	u.DeactivatedBySync = false
}

// Clone returns a deep copy.
func (u *User) Clone() User {
	c := *u
	c.Metadata = slices.Clone(u.Metadata)
	c.Groups = slices.Clone(u.Groups)
	c.Sessions = slices.Clone(u.Sessions)
	c.Tokens = slices.Clone(u.Tokens)
	c.Factor = u.Factor.Clone()
	if u.Password != nil {
		p := *u.Password
		p.History = slices.Clone(p.History)
		c.Password = &p
	}
	return c
}

// The errors of users.
var (
	ErrUserNotFound = fault.New(fault.NotFound, "not_found", "User not found")
	// ErrUserExists names the taken field: username or email.
	ErrUserExists = fault.New(fault.Conflict, "conflict", "A user with this name or e-mail exists")
	ErrLastAdmin  = fault.New(fault.Conflict, "last_admin", "This would leave nobody who can administer the service")
	// ErrInvalidToken means that a token is unknown, used, expired or for another purpose.
	ErrInvalidToken = fault.New(fault.Invalid, "invalid_token", "The token is invalid or has expired")
)

// Names returns the given and the family name. If FamilyName is not set, the given name is the first word.
func (u *User) Names() (given, family string) {
	if given, ok := strings.CutSuffix(u.FullName, " "+u.FamilyName); ok && u.FamilyName != "" {
		return given, u.FamilyName
	}
	if u.FamilyName != "" && u.FullName == u.FamilyName {
		return "", u.FamilyName
	}
	given, family, _ = strings.Cut(u.FullName, " ")
	return given, family
}

package domain

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// UserStatus says whether a user may sign in.
type UserStatus string

// The states of a user.
const (
	StatusPending     UserStatus = "pending_activation"
	StatusActive      UserStatus = "active"
	StatusDeactivated UserStatus = "deactivated"
)

// User is our account record, under one id for life. It is one document: what must change together, such as a password
// and the sessions it ends, is written in one step on every store.
type User struct {
	ID         UserID
	Identifier string // eight hexadecimal digits, the Users API's name of it; unique
	Username   string
	Email      string
	// UsernameKey and EmailKey are the folded forms (NFKC and case folding) under which both are unique. EmailKey is empty
	// for users of a directory that gives no address.
	UsernameKey string
	EmailKey    string
	FullName    string
	// FamilyName is the last part of FullName where the Users API has told which that is.
	FamilyName string
	// SearchText holds the folded username, email and full name, each on a line of its own.
	SearchText  string
	PhoneNumber string
	Metadata    json.RawMessage // a JSON object as it was sent; nil when there is none

	Role   RoleID
	Groups []GroupID
	Status UserStatus

	Directory     DirectoryID
	Subject       Subject // of users of an outside directory; empty for the built-in one
	EmailVerified bool

	Password *PasswordCredential // users of the built-in directory, once they have one
	Factor   Factor
	Tokens   []UserToken
	// Sessions are the live ones. A session that is not listed here is over, whatever its own record says.
	Sessions []SessionRef
	// KeyEpoch ends API keys at once: a key made under an earlier epoch is dead.
	KeyEpoch int

	CreatedAt     time.Time
	UpdatedAt     time.Time
	LastLogin     time.Time
	DeactivatedAt time.Time
	// DeactivatedBySync says that it was a synchronization of the user's directory that deactivated them, and that nobody has said
	// so since: then a synchronization may take it back.
	DeactivatedBySync bool
}

// SessionRef lists a session in its user, with when it began and when it ends at the latest.
type SessionRef struct {
	ID        SessionID
	StartedAt time.Time
	ExpiresAt time.Time
}

// PasswordCredential proves a user of the built-in directory. Hash and History are PHC strings or an imported format.
type PasswordCredential struct {
	Hash       string
	ChangedAt  time.Time
	MustChange bool
	History    []string // earlier hashes, the latest first
}

// TokenPurpose says what a token that was sent to a user does.
type TokenPurpose string

// The purposes of user tokens.
const (
	TokenActivation TokenPurpose = "activation"      // sets the first password, activates, verifies the e-mail
	TokenReset      TokenPurpose = "reset"           // sets a forgotten password
	TokenChange     TokenPurpose = "change"          // sets a new password in place of an expired one
	TokenEmail      TokenPurpose = "email"           // confirms a changed e-mail
	TokenLink       TokenPurpose = "activation_link" // like activation, made by an operator on the command line
)

// UserToken is a single-use token of a user. Only its SHA-256 digest is kept.
type UserToken struct {
	Purpose   TokenPurpose
	Digest    []byte
	ExpiresAt time.Time
}

// ListsSession reports whether the session is live as far as the user goes.
func (u *User) ListsSession(id SessionID) bool {
	return slices.ContainsFunc(u.Sessions, func(r SessionRef) bool { return r.ID == id })
}

// EndSession takes the session off the list and reports whether it was on it.
func (u *User) EndSession(id SessionID) bool {
	before := len(u.Sessions)
	u.Sessions = slices.DeleteFunc(u.Sessions, func(r SessionRef) bool { return r.ID == id })
	return len(u.Sessions) < before
}

// EndSessionsExcept takes all sessions but keep off the list and returns those it took; an empty keep keeps none.
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

// AddToken adds a token, in place of earlier ones of the same purpose and of those that have run out.
func (u *User) AddToken(token UserToken, now time.Time) {
	u.Tokens = slices.DeleteFunc(u.Tokens, func(t UserToken) bool {
		return t.Purpose == token.Purpose || !now.Before(t.ExpiresAt)
	})
	u.Tokens = append(u.Tokens, token)
}

// FindToken returns the live token with this digest.
func (u *User) FindToken(digest []byte, now time.Time) (UserToken, bool) {
	for _, t := range u.Tokens {
		if now.Before(t.ExpiresAt) && slices.Equal(t.Digest, digest) {
			return t, true
		}
	}
	return UserToken{}, false
}

// DropTokens takes the tokens of the given purposes away; without any, all of them.
func (u *User) DropTokens(purposes ...TokenPurpose) {
	u.Tokens = slices.DeleteFunc(u.Tokens, func(t UserToken) bool {
		return len(purposes) == 0 || slices.Contains(purposes, t.Purpose)
	})
}

// Deactivate ends everything that the user could act with: sessions, API keys and pending tokens.
func (u *User) Deactivate(now time.Time) {
	u.Status = StatusDeactivated
	u.DeactivatedAt = now
	u.DeactivatedBySync = false
	u.UpdatedAt = now
	u.Sessions = nil
	u.Tokens = nil
	u.KeyEpoch++
}

// ConfirmDeactivation makes the deactivation of a user whom a synchronization has deactivated somebody's word, which no
// synchronization takes back. It reports whether that changed anything.
func (u *User) ConfirmDeactivation() bool {
	if u.Status != StatusDeactivated || !u.DeactivatedBySync {
		return false
	}
	u.DeactivatedBySync = false
	return true
}

// Activate lets the user sign in.
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

// The failures of users.
var (
	ErrUserNotFound = fault.New(fault.NotFound, "not_found", "User not found")
	// ErrUserExists names the taken field: username or email.
	ErrUserExists = fault.New(fault.Conflict, "conflict", "A user with this name or e-mail exists")
	ErrLastAdmin  = fault.New(fault.Conflict, "last_admin", "This would leave nobody who can administer the service")
	// ErrInvalidToken is a token that is unknown, used, out of date or for something else.
	ErrInvalidToken = fault.New(fault.Invalid, "invalid_token", "The token is invalid or has expired")
)

// Names returns the given and the family name. Where nobody has told which is which, the given name is the first word.
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

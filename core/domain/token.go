package domain

import (
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// AccessClaims are the claims of an access token. No permissions are inside: they are looked up at each use.
type AccessClaims struct {
	TokenID   string // jti
	Subject   UserID
	SessionID SessionID // sid
	// Generation is the counter of the refresh token that was issued with it; 0 also for a token that lacks the claim.
	Generation int64 // gen
	AuthTime   time.Time
	Methods    []string // amr
	IssuedAt   time.Time
	ExpiresAt  time.Time
}

// SigningKeyState says what a signing key is used for.
type SigningKeyState string

// The states of a signing key: each is published before it signs and after it has signed.
const (
	KeyNext     SigningKeyState = "next"
	KeyActive   SigningKeyState = "active"
	KeyRetiring SigningKeyState = "retiring"
)

// SigningKey is one key of the set; Version is the set's.
type SigningKey struct {
	ID        string // RFC 7638 thumbprint
	Algorithm string
	State     SigningKeyState
	Private   []byte // sealed
	CreatedAt time.Time
	RetiresAt time.Time // of a retiring key: when it is dropped
	Version   int64
}

// Letter is the content of a message: what Message.Payload holds sealed.
type Letter struct {
	ID      MessageID `json:"id"` // the same at each try, so that whoever takes the letter can drop a repeat
	To      string    `json:"to"` // mail address or phone number
	Name    string    `json:"name"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
}

// ErrUndeliverable is a message that will never be taken, such as one to an address that does not exist.
var ErrUndeliverable = fault.New(fault.Invalid, "invalid_request", "The message cannot be delivered")

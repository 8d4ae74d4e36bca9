package domain

import (
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// AccessClaims are the claims of an access token. It contains no permissions: they are looked up at each use.
type AccessClaims struct {
	TokenID   string // jti
	Subject   UserID
	SessionID SessionID // sid
	// Generation is the counter of the refresh token issued with it; 0 also for a token without the claim.
	Generation int64 // gen
	AuthTime   time.Time
	Methods    []string // amr
	IssuedAt   time.Time
	ExpiresAt  time.Time
}

// SigningKeyState is the state of a signing key.
type SigningKeyState string

// The states of a signing key. Each key is published before it signs and after it has signed.
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
	RetiresAt time.Time // of a retiring key: when it is removed
	Version   int64
}

// EmailMessage is the content of a message, which Message.Payload contains sealed.
type EmailMessage struct {
	ID      MessageID // the same at each attempt, so that the receiver can drop duplicates
	To      string    // email address or phone number
	Name    string
	Subject string
	Text    string
}

// ErrUndeliverable means that a message can never be delivered, such as one to an address that does not exist.
var ErrUndeliverable = fault.New(fault.Invalid, "invalid_request", "The message cannot be delivered")

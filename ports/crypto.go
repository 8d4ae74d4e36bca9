package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Clock tells the time.
type Clock interface {
	Now() time.Time
}

// IDs makes ids: the prefix and a ULID in lower case, later ones of one process sorting after earlier ones.
type IDs interface {
	NewID(prefix string) string
}

// TextFolder makes the form under which names are compared: NFKC, then full Unicode case folding (RFC 8265 names why).
type TextFolder interface {
	Fold(text string) string
}

// Sealer keeps what must be read back: authenticated encryption under a key that the store does not hold. The binding
// names the row and field, so that a sealed value moved elsewhere does not open.
type Sealer interface {
	Seal(plain []byte, binding string) ([]byte, error)
	Open(sealed []byte, binding string) ([]byte, error)
	// Rewrap seals anew what lies under another key than the one that seals now, and reports whether it did; else it returns
	// the value as it is.
	Rewrap(sealed []byte, binding string) (value []byte, changed bool, err error)
}

// PasswordHasher hashes what people choose, behind a gate: at most as many at once as there are processors. The others wait:
// sources (SourceOf) take turns, and the order never depends on what is hashed or for whom. A queue that is full, and a wait
// beyond its deadline, is fault.ErrOverloaded; whoever has gone (IsThere) is not waited for.
type PasswordHasher interface {
	// Hash returns the PHC string of the password under the present parameters.
	Hash(ctx context.Context, password string) (string, error)
	// Verify checks a password against a hash of any supported format; outdated tells that Hash would now make another.
	// An empty hash costs the same work and is never right. The time of a refusal does not tell what hash it was.
	Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error)
	// Learn measures the form of a hash where that is another than Hash makes, so that the first refusal of a user with such a
	// hash takes no longer than any other.
	Learn(ctx context.Context, hash string) error
	// Matches is the answer of Verify without hiding its time, for what nobody learns from: somebody's own last passwords.
	Matches(ctx context.Context, hash, password string) (bool, error)
	// Supports reports whether Verify takes hashes of this form and this cost; an import asks before it stores one.
	Supports(hash string) domain.HashSupport
}

// KnownPasswords knows which passwords everybody tries first.
type KnownPasswords interface {
	IsKnown(password string) bool
}

// AccessTokens issues and checks access tokens: JWTs of type at+jwt (RFC 9068).
type AccessTokens interface {
	Issue(ctx context.Context, claims domain.AccessClaims) (string, error)
	// Check returns the claims of a token that is whole, ours and in date; anything else is fault.ErrUnauthorized.
	Check(ctx context.Context, token string, now time.Time) (domain.AccessClaims, error)
	// KeySet returns the public keys as a JWK Set (RFC 7517).
	KeySet(ctx context.Context) ([]byte, error)
	// Rotate makes the next key the signing one, and keeps the present one for as long as its tokens live.
	Rotate(ctx context.Context, now time.Time, out domain.Outbox) (keyID string, err error)
	// Reseal seals the private keys anew under the key that seals now.
	Reseal(ctx context.Context) error
}

// SigningKeyStore keeps signing keys, their private part sealed.
type SigningKeyStore interface {
	SigningKeys(ctx context.Context) ([]domain.SigningKey, error)
	// PutSigningKeys replaces the whole set, if it is still at version; else it is fault.ErrConflict.
	PutSigningKeys(ctx context.Context, version int64, keys []domain.SigningKey, out domain.Outbox) error
}

// Sender hands one message over to what delivers it. An error is tried again unless it is domain.ErrUndeliverable.
type Sender interface {
	Channel() domain.Channel
	Send(ctx context.Context, letter domain.Letter) error
}

// Locator tells where an address is.
type Locator interface {
	// Locate returns "City, CC" in words, or "" where it is not known.
	Locate(address string) string
}

package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Clock returns the current time.
type Clock interface {
	Now() time.Time
}

// IDs generates ids: the prefix and a ULID in lower case. Later ids of one process sort after earlier ones.
type IDs interface {
	NewID(prefix string) string
}

// CaseFolder computes the form in which names are compared: NFKC, then full Unicode case folding (RFC 8265 gives the
// reasons).
type CaseFolder interface {
	Fold(text string) string
}

// Sealer encrypts values that must be readable again, with authenticated encryption under a key that is not in the
// store. The binding names the row and field, so that a sealed value that was moved elsewhere does not open.
type Sealer interface {
	Seal(plain []byte, binding string) ([]byte, error)
	Open(sealed []byte, binding string) ([]byte, error)
	// Rewrap re-encrypts a value that is sealed under another key than the current one, and reports whether it did.
	// Otherwise it returns the value unchanged.
	Rewrap(sealed []byte, binding string) (value []byte, changed bool, err error)
}

// PasswordHasher hashes the passwords that people choose, with limited concurrency: at most one hash per processor
// runs at a time. Other calls wait in a queue in which sources (SourceOf) take turns; the order never depends on what
// is hashed or for which user. A full queue, and a wait beyond the context's deadline, is fault.ErrOverloaded; so is
// a request whose client has disconnected (Disconnected) when its turn comes.
type PasswordHasher interface {
	// Hash returns the PHC string of the password under the current parameters.
	Hash(ctx context.Context, password string) (string, error)
	// Verify checks a password against a hash of any supported format. outdated reports that Hash would now use other
	// parameters. An empty hash costs the same work and never matches. The response time of a refusal does not depend
	// on the kind of hash.
	Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error)
	// Learn measures the cost of a hash whose parameters differ from those of Hash, so that the first refusal of a
	// user with such a hash takes no longer than any other.
	Learn(ctx context.Context, hash string) error
	// Matches is Verify without constant-time padding, for comparisons whose timing reveals nothing: a user's own
	// previous passwords.
	Matches(ctx context.Context, hash, password string) (bool, error)
	// Supports reports whether Verify accepts hashes of this format and cost. An import checks it before it stores a
	// hash.
	Supports(hash string) domain.HashSupport
}

// KnownPasswords is a list of common passwords, which attackers try first.
type KnownPasswords interface {
	IsKnown(password string) bool
}

// AccessTokens issues and verifies access tokens: JWTs of type at+jwt (RFC 9068).
type AccessTokens interface {
	Issue(ctx context.Context, claims domain.AccessClaims) (string, error)
	// Check returns the claims of a token with a valid signature, our issuer and a valid lifetime. Any other token is
	// fault.ErrUnauthorized.
	Check(ctx context.Context, token string, now time.Time) (domain.AccessClaims, error)
	// KeySet returns the public keys as a JWK Set (RFC 7517).
	KeySet(ctx context.Context) ([]byte, error)
	// Rotate makes the next key the signing key. The current key verifies tokens until the last of them has expired.
	Rotate(ctx context.Context, now time.Time, out domain.Outbox) (keyID string, err error)
	// Reencrypt re-encrypts the private keys under the current sealing key.
	Reencrypt(ctx context.Context) error
}

// ThirdPartyTokens signs and verifies third-party tokens under the secret that their verifiers share.
type ThirdPartyTokens interface {
	// Sign returns the token of a record. It begins with domain.ThirdPartyPrefix.
	Sign(record domain.ThirdPartyToken) (string, error)
	// Check returns the ID, the role and the expiry in a token. ok is false if the signature is invalid.
	Check(token string) (claims domain.ThirdPartyToken, ok bool)
}

// SigningKeyStore stores signing keys with encrypted private parts.
type SigningKeyStore interface {
	SigningKeys(ctx context.Context) ([]domain.SigningKey, error)
	// PutSigningKeys replaces the whole set if it is still at version. Otherwise it returns fault.ErrConflict.
	PutSigningKeys(ctx context.Context, version int64, keys []domain.SigningKey, out domain.Outbox) error
}

// Sender delivers one message. An error is retried unless it is domain.ErrUndeliverable.
type Sender interface {
	Channel() domain.Channel
	Send(ctx context.Context, email domain.EmailMessage) error
}

// Locator maps an IP address to a location.
type Locator interface {
	// Locate returns "City, CC", or "" if the location is unknown.
	Locate(address string) string
}

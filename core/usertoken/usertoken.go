// Package usertoken generates and parses the single-use tokens that a user gets by email, or in the response that
// requires a new password. Only the SHA-256 digest of a token is stored, in the user.
package usertoken

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Lifetimes of the tokens that are sent to a user or returned to one whose password has expired.
const (
	ActivationFor = 7 * 24 * time.Hour
	ResetFor      = 30 * time.Minute
	ChangeFor     = 10 * time.Minute
	EmailFor      = 24 * time.Hour
)

const (
	mark        = "ost_"
	ulidLength  = 26
	secretBytes = 32
)

// New returns the text of a single-use token and the record of it that is stored in its user. The text contains the
// user's id, so that no search is needed to find the user; 256 bits of it are random.
func New(id domain.UserID, purpose domain.TokenPurpose, expires time.Time) (string, domain.UserToken, error) {
	secret := make([]byte, secretBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", domain.UserToken{}, err
	}
	text := mark + strings.TrimPrefix(string(id), domain.UserPrefix) + base64.RawURLEncoding.EncodeToString(secret)
	digest := sha256.Sum256([]byte(text))
	return text, domain.UserToken{Purpose: purpose, Digest: digest[:], ExpiresAt: expires}, nil
}

// Parse returns the token's user, and the digest for the lookup. Text of another form is domain.ErrInvalidToken.
func Parse(text string) (domain.UserID, []byte, error) {
	rest, ok := strings.CutPrefix(text, mark)
	if !ok || len(rest) != ulidLength+base64.RawURLEncoding.EncodedLen(secretBytes) {
		return "", nil, domain.ErrInvalidToken
	}
	id, err := domain.ParseUserID(domain.UserPrefix + rest[:ulidLength])
	if err != nil {
		return "", nil, domain.ErrInvalidToken
	}
	digest := sha256.Sum256([]byte(text))
	return id, digest[:], nil
}

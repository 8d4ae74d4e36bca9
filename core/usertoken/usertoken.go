// Package usertoken makes and reads the single-use tokens that a user gets by mail, or in the answer that asks for a new
// password. Of a token only its SHA-256 digest is kept, in the user.
package usertoken

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// How long the tokens live that are sent to a user or handed to one whose password has expired.
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

// New returns a single-use token in text, and what its user keeps of it. It names the user, so that no search is
// needed to find whose it is; 256 bits of it are random.
func New(id domain.UserID, purpose domain.TokenPurpose, expires time.Time) (string, domain.UserToken, error) {
	secret := make([]byte, secretBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", domain.UserToken{}, err
	}
	text := mark + strings.TrimPrefix(string(id), domain.UserPrefix) + base64.RawURLEncoding.EncodeToString(secret)
	digest := sha256.Sum256([]byte(text))
	return text, domain.UserToken{Purpose: purpose, Digest: digest[:], ExpiresAt: expires}, nil
}

// Parse returns whose token it is, and the digest to look it up by. Text of another form is domain.ErrInvalidToken.
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

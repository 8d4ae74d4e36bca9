// Package opaquetoken generates, recognizes, digests and compares the opaque tokens of the service.
//
// A token begins with the prefix of its kind and the ID of the record that it belongs to (<id>, a ULID), so that it is
// found without a search and refused without a lookup if it is malformed:
//
//	sk_live_<id><secret><checksum>   an API key; 32 and 6 characters of base62
//	ouk_<id><secret>                 the key of a session; 256 bits in base64url
//	ost_<id><secret>                 a single-use token of a user, in a link or after an expired password
//	ort_<id>_<counter>_<MAC>         a refresh token of a session
//
// A token without a record, such as a setup token or a code of a login through a provider, is a bare [Secret]. Only
// digests of tokens are stored; a secret has at least 190 random bits, so SHA-256 is sufficient.
package opaquetoken

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Kind is the kind of a credential: its prefix.
type Kind string

// The kinds of credentials. An access token has no prefix of ours, and neither has any text that is no token.
const (
	AccessToken Kind = ""
	APIKey      Kind = "sk_live_"
	SessionKey  Kind = "ouk_"
	Refresh     Kind = "ort_"
	UserToken   Kind = "ost_"
	ThirdParty  Kind = domain.ThirdPartyPrefix
)

// KindOf returns the kind of credential that the text claims to be. It does not check whether the text is valid.
func KindOf(text string) Kind {
	for _, kind := range []Kind{APIKey, SessionKey, Refresh, UserToken, ThirdParty} {
		if strings.HasPrefix(text, string(kind)) {
			return kind
		}
	}
	return AccessToken
}

const (
	idLength       = 26
	secretBytes    = 32
	base62Length   = 32
	checksumLength = 6
	maxRefresh     = 256
	// displayed is the number of characters of an ID in the displayed prefix of an API key.
	displayed = 12

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// owners are the prefixes of the IDs that the tokens of each kind contain.
var owners = map[Kind]string{
	APIKey: domain.KeyPrefix, SessionKey: domain.SessionPrefix, Refresh: domain.SessionPrefix,
	UserToken: domain.UserPrefix,
}

// New returns a new random token of the kind for the record with the ID.
func New[ID ~string](kind Kind, id ID) string {
	body := string(kind) + strings.TrimPrefix(string(id), owners[kind])
	if kind != APIKey {
		return body + Secret()
	}
	body += randomBase62(base62Length)
	return body + checksum(body)
}

// ForUser returns a new single-use token for the user, and the record of it to store in the user.
func ForUser(id domain.UserID, purpose domain.TokenPurpose, now time.Time) (string, domain.UserToken) {
	text := New(UserToken, id)
	return text, domain.UserToken{Purpose: purpose, Digest: Digest(text), ExpiresAt: now.Add(purpose.Lifetime())}
}

// Parse returns the ID in a token of the kind. ok is false for text of another form, or with a wrong checksum.
func Parse[ID ~string](kind Kind, text string) (id ID, ok bool) {
	rest, ok := strings.CutPrefix(text, string(kind))
	length := base64.RawURLEncoding.EncodedLen(secretBytes)
	if kind == APIKey {
		length = base62Length + checksumLength
	}
	if !ok || len(rest) != idLength+length {
		return "", false
	}
	if end := len(text) - checksumLength; kind == APIKey && checksum(text[:end]) != text[end:] {
		return "", false
	}
	return ID(owners[kind] + rest[:idLength]), domain.IsULID(rest[:idLength])
}

// NewRefresh returns the refresh token of a session for a counter: a MAC under the session's own key. The same counter
// always has the same token.
func NewRefresh(id domain.SessionID, counter int64, key []byte) string {
	body := string(Refresh) + strings.TrimPrefix(string(id), domain.SessionPrefix) + "_" + strconv.FormatInt(counter, 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(body))
	return body + "_" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ParseRefresh returns the session and the counter in a refresh token. It does not check whether the token is genuine.
func ParseRefresh(text string) (id domain.SessionID, counter int64, ok bool) {
	rest, ok := strings.CutPrefix(text, string(Refresh))
	parts := strings.SplitN(rest, "_", 3)
	if !ok || len(text) > maxRefresh || len(parts) != 3 || !domain.IsULID(parts[0]) {
		return "", 0, false
	}
	counter, err := strconv.ParseInt(parts[1], 10, 64)
	return domain.SessionID(domain.SessionPrefix + parts[0]), counter, err == nil && counter >= 0
}

// Displayed returns the beginning of an API key by which its owner recognizes it. It ends within the ID.
func Displayed(text string) string { return text[:len(APIKey)+displayed] }

// Secret returns 256 random bits in base64url.
func Secret() string {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// Digest returns the SHA-256 of a token, which is stored in its place.
func Digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Fingerprint returns the digest in base64url. It is also the S256 challenge of a PKCE verifier (RFC 7636).
func Fingerprint(text string) string { return base64.RawURLEncoding.EncodeToString(Digest(text)) }

// IsFingerprint reports whether the text has the form of a fingerprint.
func IsFingerprint(text string) bool {
	digest, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(digest) == sha256.Size
}

// Matches reports, in constant time, whether the digest is that of the text.
func Matches(digest []byte, text string) bool {
	return subtle.ConstantTimeCompare(digest, Digest(text)) == 1
}

// Equal compares two tokens, or two fingerprints, in constant time.
func Equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// checksum returns the CRC-32 (IEEE) of the text in base62.
func checksum(text string) string {
	n := crc32.ChecksumIEEE([]byte(text))
	var out [checksumLength]byte
	for i := range out {
		out[checksumLength-1-i] = base62[n%62]
		n /= 62
	}
	return string(out[:])
}

// randomBase62 discards bytes that would favor some characters.
func randomBase62(length int) string {
	const limit = 256 - 256%62
	out, buffer := make([]byte, 0, length), make([]byte, length)
	for len(out) < length {
		_, _ = rand.Read(buffer) // never fails, see crypto/rand
		for _, b := range buffer {
			if int(b) < limit && len(out) < length {
				out = append(out, base62[int(b)%62])
			}
		}
	}
	return string(out)
}

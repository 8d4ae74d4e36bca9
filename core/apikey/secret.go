package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// Prefix is the prefix of every API key.
	Prefix = "sk_live_"

	idLength       = 26
	secretLength   = 32
	checksumLength = 6
	keyLength      = len(Prefix) + idLength + secretLength + checksumLength
	// displayLength is the length of the displayed prefix of a key; it ends within the ID.
	displayLength = len(Prefix) + 12

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// LooksLike reports whether the text has the prefix of an API key, complete or not.
func LooksLike(text string) bool { return strings.HasPrefix(text, Prefix) }

// newKey returns the complete text of a key with the ID.
func newKey(id domain.KeyID) (string, error) {
	secret, err := randomBase62(secretLength)
	if err != nil {
		return "", err
	}
	text := Prefix + strings.TrimPrefix(string(id), domain.KeyPrefix) + secret
	return text + checksum(text), nil
}

// parse returns the ID in a key, and whether the text has the form and the checksum of a key.
func parse(text string) (domain.KeyID, bool) {
	if len(text) != keyLength || !LooksLike(text) {
		return "", false
	}
	body, sum := text[:keyLength-checksumLength], text[keyLength-checksumLength:]
	if checksum(body) != sum {
		return "", false
	}
	id, err := domain.ParseKeyID(domain.KeyPrefix + body[len(Prefix):len(Prefix)+idLength])
	return id, err == nil
}

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

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
func randomBase62(length int) (string, error) {
	const limit = 256 - 256%62
	out := make([]byte, 0, length)
	buffer := make([]byte, length)
	for len(out) < length {
		if _, err := rand.Read(buffer); err != nil {
			return "", err
		}
		for _, b := range buffer {
			if int(b) < limit && len(out) < length {
				out = append(out, base62[int(b)%62])
			}
		}
	}
	return string(out), nil
}

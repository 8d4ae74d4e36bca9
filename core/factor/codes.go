package factor

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	backupCodes = 10
	// backupHalf is the length of each half of a code: xxxxx-xxxxx, 50 random bits.
	backupHalf = 5
	saltLength = 16
	// backupRounds makes one attempt against a stolen set cost about 2 ms; with 50 random bits that is enough, and a
	// login computes it once for all ten codes.
	backupRounds = 10_000
)

const backupAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

// newBackupCodes returns ten codes to display once, and their hashes to store.
func newBackupCodes() (codes []string, stored domain.BackupCodes) {
	stored.Salt = make([]byte, saltLength)
	_, _ = rand.Read(stored.Salt) // never fails, see crypto/rand
	for range backupCodes {
		raw := make([]byte, 2*backupHalf)
		_, _ = rand.Read(raw)
		for i, b := range raw {
			raw[i] = backupAlphabet[int(b)%len(backupAlphabet)] // 32 characters: each is equally likely
		}
		text := string(raw)
		codes = append(codes, text[:backupHalf]+"-"+text[backupHalf:])
		stored.Hashes = append(stored.Hashes, hashBackupCode(stored.Salt, text))
	}
	return codes, stored
}

// hashBackupCode returns the hash of a normalized code. An empty salt costs the same.
func hashBackupCode(salt []byte, code string) []byte {
	digest, err := pbkdf2.Key(sha256.New, code, salt, backupRounds, sha256.Size)
	if err != nil { // only for lengths that this package does not use
		return nil
	}
	return digest
}

// takeBackupCode reports whether the set contains the digest, and removes it. The salt identifies the set that the
// digest was computed for.
func takeBackupCode(stored *domain.BackupCodes, salt, digest []byte) bool {
	if len(digest) == 0 || !slices.Equal(stored.Salt, salt) {
		return false
	}
	at := -1
	for i, hash := range stored.Hashes {
		if subtle.ConstantTimeCompare(hash, digest) == 1 {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	stored.Hashes = slices.Delete(stored.Hashes, at, at+1)
	return true
}

// isBackupCode reports whether a normalized code has the form of a backup code.
func isBackupCode(code string) bool {
	return len(code) == 2*backupHalf && strings.Trim(code, backupAlphabet) == ""
}

// normalize returns the canonical form of a code: digits of every script and width in ASCII, letters in lower case,
// without spaces and hyphens. Each code has one canonical form, so that it cannot be used a second time in another
// spelling.
func normalize(typed string) string {
	if !domain.Limits.TwoFactorCode.Allows(len(typed)) {
		return ""
	}
	var b strings.Builder
	for _, r := range typed {
		switch {
		case unicode.IsSpace(r) || r == '-' || unicode.Is(unicode.Pd, r):
		case r >= 0xFF21 && r <= 0xFF3A, r >= 0xFF41 && r <= 0xFF5A: // full-width letters
			b.WriteRune(unicode.ToLower(r - 0xFEE0))
		case unicode.IsDigit(r):
			b.WriteByte(digitOf(r))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// digitOf returns the ASCII digit of a decimal digit of any script. Unicode's ranges of decimal digits start with a
// zero and have a length that is a multiple of ten.
func digitOf(r rune) byte {
	for _, zeros := range unicode.Nd.R16 {
		if lo, hi := rune(zeros.Lo), rune(zeros.Hi); r >= lo && r <= hi {
			return "0123456789"[(r-lo)%10]
		}
	}
	for _, zeros := range unicode.Nd.R32 {
		if lo, hi := int64(zeros.Lo), int64(zeros.Hi); int64(r) >= lo && int64(r) <= hi {
			return "0123456789"[(int64(r)-lo)%10]
		}
	}
	return '0'
}

// newSentCode returns six random digits.
func newSentCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%06d", n), nil
}

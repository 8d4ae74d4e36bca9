package argon2id

import (
	"crypto/subtle"
	"hash"
	"strings"

	"github.com/go-crypt/x/crypt"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	defaultRounds   = 5000
	minRounds       = 1000
	maxCryptSalt    = 16
	cryptAlphabet   = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	roundOverhead   = 80 // bytes that a round digests beside the password, which it digests twice
	cheapCryptRound = 20_000
)

// parseSHACrypt parses the rest of $5$salt$hash and $6$salt$hash, the crypt(3) of Unix systems, with rounds=N$ before
// the salt unless they are 5,000.
//
// Each round digests the password twice. The client chooses the password's length at sign-in, so the maximum length
// depends on the rounds: the work is bounded.
func parseSHACrypt(rest string, digest func() hash.Hash) (scheme, bool) {
	rounds := uint64(defaultRounds)
	if tail, given := strings.CutPrefix(rest, "rounds="); given {
		digits, after, _ := strings.Cut(tail, "$")
		n, ok := number(digits)
		if !ok || n < minRounds {
			return scheme{}, false
		}
		rounds, rest = n, after
	}
	salt, sum, found := strings.Cut(rest, "$")
	size := (digest().Size()*8 + 5) / 6
	if !found || !isCryptSalt(salt) || len(sum) != size || strings.Trim(sum, cryptAlphabet) != "" {
		return scheme{}, false
	}
	if rounds > maxRounds {
		return scheme{costly: true}, false
	}
	return scheme{
		cheap:   rounds < cheapCryptRound,
		longest: min(int((maxRoundWork/rounds-roundOverhead)/2), domain.Limits.PasswordInput.Max),
		check: func(password []byte) bool {
			got := crypt.KeySHACrypt(digest, password, []byte(salt), int(rounds)) //nolint:gosec // at most maxRounds
			return subtle.ConstantTimeCompare(got, []byte(sum)) == 1
		},
	}, true
}

// isCryptSalt reports whether crypt(3) would write such a salt: 1 to 16 visible ASCII characters.
func isCryptSalt(salt string) bool {
	outside := func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }
	return salt != "" && len(salt) <= maxCryptSalt && !strings.ContainsFunc(salt, outside)
}

func (s scheme) longestPassword() int {
	if s.longest > 0 {
		return s.longest
	}
	return domain.Limits.PasswordInput.Max
}

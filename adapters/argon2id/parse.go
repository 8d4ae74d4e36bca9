package argon2id

import (
	"crypto/sha1" //nolint:gosec // only to check imported hashes, which are replaced at the next sign-in
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// The ceilings of what a hash may cost and hold.
const (
	maxMemory     = 128 << 20 // bytes: scrypt with N=2^17, r=8
	maxWork       = 512 << 20 // bytes times passes of Argon2, bytes times lanes of scrypt
	maxLanes      = 16
	maxIterations = 2_000_000 // of PBKDF2, for each block of the output
	maxBcryptCost = 14
	maxRounds     = 1_000_000   // of SHA-crypt
	maxRoundWork  = 400_000_000 // bytes that SHA-crypt digests in all rounds
	maxHashText   = 512
	maxSalt       = 128
	minSum        = 16
	maxSum        = 128
)

// scheme is a parsed hash: what it costs, and how a password is held against it.
type scheme struct {
	memory uint64
	cheap  bool        // far less work than a hash of ours
	argon2 *argon2Hash // of that family, else nil
	check  func(password []byte) bool
	// longest is the length in bytes of the longest password that is checked, where the password's length adds to the cost
	// of each round; 0 means domain.Limits.PasswordInput.Max.
	longest int
	// costly marks a hash of a known form whose cost is above the ceilings. Such a hash is not supported.
	costly bool
}

func (s scheme) matches(m *memories, password []byte) bool {
	if s.argon2 != nil {
		return s.argon2.matches(m, password)
	}
	return s.check(password)
}

// parse reads a hash of any supported form, and reports false for every other text and for a cost above the ceilings;
// the latter is marked as costly.
func parse(text string) (scheme, bool) {
	if text == "" || len(text) > maxHashText {
		return scheme{}, false
	}
	text = unwrap(text)
	for _, form := range []struct {
		prefix string
		read   func(rest string) (scheme, bool)
	}{
		{"$argon2id$", func(rest string) (scheme, bool) { return parseArgon2(rest, true) }},
		{"$argon2i$", func(rest string) (scheme, bool) { return parseArgon2(rest, false) }},
		{"argon2$argon2id$", func(rest string) (scheme, bool) { return parseArgon2(rest, true) }},
		{"argon2$argon2i$", func(rest string) (scheme, bool) { return parseArgon2(rest, false) }},
		{"$2", func(rest string) (scheme, bool) { return parseBcrypt("$2"+rest, false) }},
		{"bcrypt$$2", func(rest string) (scheme, bool) { return parseBcrypt("$2"+rest, false) }},
		{"bcrypt_sha256$$2", func(rest string) (scheme, bool) { return parseBcrypt("$2"+rest, true) }},
		{"$pbkdf2", parsePasslibPBKDF2},
		{"$5$", func(rest string) (scheme, bool) { return parseSHACrypt(rest, sha256.New) }},
		{"$6$", func(rest string) (scheme, bool) { return parseSHACrypt(rest, sha512.New) }},
		{"{PBKDF2}", parseLDAPOrSpringPBKDF2},
		{"{PBKDF2@SPRINGSECURITY_V5_8}", parseSpringPBKDF2},
		{"{PBKDF2", parseLDAPPBKDF2},
		{"{SCRYPT}", parseSpringScrypt},
		{"{SCRYPT@SPRINGSECURITY_V5_8}", parseSpringScrypt},
		{"pbkdf2_", parseDjangoPBKDF2},
		{"pbkdf2:", parseWerkzeugPBKDF2},
		{"$scrypt$", parseScryptPHC},
		{"scrypt:", parseWerkzeugScrypt},
		{"scrypt$", parseDjangoScrypt},
		{"{SSHA", parseSSHA},
	} {
		if rest, found := strings.CutPrefix(text, form.prefix); found {
			return form.read(rest)
		}
	}
	return scheme{}, false
}

// parseArgon2 reads v=19$m=…,t=…,p=…$salt$hash.
func parseArgon2(rest string, id bool) (scheme, bool) {
	parts := strings.Split(rest, "$")
	if len(parts) != 4 || parts[0] != "v=19" {
		return scheme{}, false
	}
	p, ok := parameters(parts[1], "m", "t", "p")
	salt, saltOK := decodeB64(parts[2])
	sum, sumOK := decodeB64(parts[3])
	if !ok || !saltOK || !sumOK || !sizesFit(salt, sum) {
		return scheme{}, false
	}
	kib, passes, lanes := p[0], p[1], p[2]
	memory := kib << 10
	if kib < 8*lanes {
		return scheme{}, false
	}
	if lanes > maxLanes || memory > maxMemory || passes > maxWork/memory {
		return scheme{costly: true}, false
	}
	return scheme{memory: memory, argon2: &argon2Hash{
		id: id, memory: uint32(kib), passes: uint32(passes), lanes: uint8(lanes), salt: salt, sum: sum, //nolint:gosec // bounded above
	}}, true
}

// parseBcrypt takes a whole bcrypt hash. Django's bcrypt_sha256 hashes the hexadecimal SHA-256 instead of the password.
func parseBcrypt(text string, digested bool) (scheme, bool) {
	cost, err := bcrypt.Cost([]byte(text))
	// The library also reads longer texts and unknown versions.
	if err != nil || len(text) != 60 || !slices.Contains([]string{"$2a$", "$2b$", "$2y$"}, text[:4]) {
		return scheme{}, false
	}
	if cost > maxBcryptCost {
		return scheme{costly: true}, false
	}
	return scheme{check: func(password []byte) bool {
		if digested {
			sum := sha256.Sum256(password)
			password = []byte(hex.EncodeToString(sum[:]))
		}
		return bcrypt.CompareHashAndPassword([]byte(text), password) == nil
	}}, true
}

var digests = map[string]func() hash.Hash{
	"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384,
	"sha512": sha512.New,
}

// parseSSHA reads the rest of {SSHA}, {SSHA256}, {SSHA384} and {SSHA512}: base64 of digest and salt.
func parseSSHA(rest string) (scheme, bool) {
	size, encoded, found := strings.Cut(rest, "}")
	if size == "" {
		size = "1"
	}
	digest := digests["sha"+size]
	raw, ok := decodePadded(encoded)
	if !found || digest == nil || !ok {
		return scheme{}, false
	}
	n := digest().Size()
	if len(raw) <= n || len(raw) > n+maxSalt {
		return scheme{}, false
	}
	sum, salt := raw[:n], raw[n:]
	return scheme{cheap: true, check: func(password []byte) bool {
		d := digest()
		d.Write(password)
		d.Write(salt)
		return subtle.ConstantTimeCompare(d.Sum(nil), sum) == 1
	}}, true
}

// parameters reads "name=number,…" with exactly these names in this order.
func parameters(text string, names ...string) ([]uint64, bool) {
	parts := strings.Split(text, ",")
	if len(parts) != len(names) {
		return nil, false
	}
	values := make([]uint64, len(names))
	for i, name := range names {
		digits, found := strings.CutPrefix(parts[i], name+"=")
		value, ok := number(digits)
		if !found || !ok {
			return nil, false
		}
		values[i] = value
	}
	return values, true
}

// number reads a positive decimal number in its canonical spelling. A larger one than 31 bits hold is returned as their
// maximum, which is above every ceiling.
func number(digits string) (uint64, bool) {
	value, err := strconv.ParseUint(digits, 10, 31)
	return value, (err == nil || errors.Is(err, strconv.ErrRange)) && value > 0 && digits[0] != '0' && digits[0] != '+'
}

// decodeB64 reads the base64 of PHC strings: standard alphabet without padding; passlib writes a dot for the plus.
func decodeB64(text string) ([]byte, bool) {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(strings.ReplaceAll(text, ".", "+"))
	return raw, err == nil && !strings.ContainsAny(text, "\r\n")
}

func sizesFit(salt, sum []byte) bool {
	return len(salt) >= 1 && len(salt) <= maxSalt && len(sum) >= minSum && len(sum) <= maxSum
}

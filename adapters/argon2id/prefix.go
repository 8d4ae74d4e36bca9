package argon2id

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// wrappers are names that LDAP servers, Dovecot and Spring Security write before a hash of another form, in upper case,
// and what that form begins with. Names that say plain text, such as {NOOP}, are none of them.
var wrappers = map[string][]string{
	"{CRYPT}":                      {"$"},
	"{BCRYPT}":                     {"$2"},
	"{BLF-CRYPT}":                  {"$2"},
	"{SHA256-CRYPT}":               {"$5$"},
	"{SHA512-CRYPT}":               {"$6$"},
	"{ARGON2}":                     {"$argon2"},
	"{ARGON2I}":                    {"$argon2i$"},
	"{ARGON2ID}":                   {"$argon2id$"},
	"{ARGON2@SPRINGSECURITY_V5_8}": {"$argon2"},
	"{LDAP}":                       {"{SSHA", "{ssha"},
}

// unwrap removes the name of a wrapper. Names in braces have no case (RFC 2307 section 5.3): others are returned in
// upper case.
func unwrap(text string) string {
	end := strings.IndexByte(text, '}')
	if text[0] != '{' || end < 0 {
		return text
	}
	name, rest := strings.ToUpper(text[:end+1]), text[end+1:]
	for _, start := range wrappers[name] {
		if !strings.HasPrefix(rest, start) {
			continue
		}
		if rest[0] == '{' {
			return unwrap(rest)
		}
		return rest
	}
	return name + rest
}

// The parameters of Spring Security's Pbkdf2PasswordEncoder, which its hashes do not say.
const (
	springOldIterations, springOldSalt = 185_000, 8
	springIterations, springSalt       = 310_000, 16
)

// parseLDAPOrSpringPBKDF2 reads the rest of {PBKDF2}, which names two forms: iterations$salt$hash of LDAP servers, and
// salt and hash in hexadecimal of Spring Security before 5.8, both with SHA-1.
func parseLDAPOrSpringPBKDF2(rest string) (scheme, bool) {
	if strings.Contains(rest, "$") {
		return parsePasslibPBKDF2("$" + rest)
	}
	return springPBKDF2("sha1", springOldIterations, springOldSalt, rest)
}

// parseSpringPBKDF2 reads the rest of {pbkdf2@SpringSecurity_v5_8}: salt and hash in hexadecimal.
func parseSpringPBKDF2(rest string) (scheme, bool) {
	return springPBKDF2("sha256", springIterations, springSalt, rest)
}

func springPBKDF2(digest string, iterations uint64, saltSize int, encoded string) (scheme, bool) {
	raw, err := hex.DecodeString(encoded)
	if err != nil || len(raw) != saltSize+32 {
		return scheme{}, false
	}
	return newPBKDF2(digest, iterations, raw[:saltSize], raw[saltSize:])
}

// parseSpringScrypt reads the rest of {scrypt}$100801$salt$hash: one hexadecimal number of the logarithm of N, r and p,
// and base64.
func parseSpringScrypt(rest string) (scheme, bool) {
	parts := strings.Split(rest, "$")
	if len(parts) != 4 || parts[0] != "" {
		return scheme{}, false
	}
	packed, err := strconv.ParseUint(parts[1], 16, 31)
	salt, saltOK := decodePadded(parts[2])
	sum, sumOK := decodePadded(parts[3])
	if err != nil || !saltOK || !sumOK {
		return scheme{}, false
	}
	cost := packed >> 16
	if cost > 20 {
		return scheme{costly: true}, false
	}
	return newScrypt(1<<cost, packed>>8&0xff, packed&0xff, salt, sum)
}

package argon2id

import (
	"crypto/pbkdf2"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// newPBKDF2 makes a scheme of PBKDF2, unless it costs too much. A longer output costs the iterations once for each
// block.
func newPBKDF2(digest string, iterations uint64, salt, sum []byte) (scheme, bool) {
	hash := digests[digest]
	if hash == nil || !sizesFit(salt, sum) {
		return scheme{}, false
	}
	size := hash().Size()
	if blocks := uint64((len(sum) + size - 1) / size); iterations*blocks > maxIterations { //nolint:gosec // small and positive
		return scheme{costly: true}, false
	}
	return scheme{
		cheap: iterations < 10_000,
		check: func(password []byte) bool {
			got, err := pbkdf2.Key(hash, string(password), salt, int(iterations), len(sum)) //nolint:gosec // at most maxIterations
			return err == nil && subtle.ConstantTimeCompare(got, sum) == 1
		},
	}, true
}

// parsePasslibPBKDF2 reads the rest of $pbkdf2-sha256$600000$salt$hash, where the number may be written i=600000,
// followed by the length of the hash as in PHC strings (i=600000,l=32), and no digest means SHA-1.
func parsePasslibPBKDF2(rest string) (scheme, bool) {
	parts := strings.Split(rest, "$")
	if len(parts) != 4 {
		return scheme{}, false
	}
	digest, named := strings.CutPrefix(parts[0], "-")
	if !named && parts[0] != "" {
		return scheme{}, false
	}
	if !named {
		digest = "sha1"
	}
	iterations, length, ok := pbkdf2Parameters(parts[1])
	salt, saltOK := decodeB64(parts[2])
	sum, sumOK := decodeB64(parts[3])
	if !ok || !saltOK || !sumOK || length != 0 && length != uint64(len(sum)) {
		return scheme{}, false
	}
	return newPBKDF2(digest, iterations, salt, sum)
}

// pbkdf2Parameters reads "600000", "i=600000" or "i=600000,l=32". The length is 0 where none is given.
func pbkdf2Parameters(text string) (iterations, length uint64, ok bool) {
	if values, ok := parameters(text, "i", "l"); ok {
		return values[0], values[1], true
	}
	iterations, ok = number(strings.TrimPrefix(text, "i="))
	return iterations, 0, ok
}

// parseLDAPPBKDF2 reads the rest of {PBKDF2-SHA256}600000$salt$hash.
func parseLDAPPBKDF2(rest string) (scheme, bool) {
	digest, tail, found := strings.Cut(rest, "}")
	if !found {
		return scheme{}, false
	}
	return parsePasslibPBKDF2(strings.ToLower(digest) + "$" + tail)
}

// parseDjangoPBKDF2 parses the rest of pbkdf2_sha256$600000$salt$hash: the literal salt, the hash in base64.
func parseDjangoPBKDF2(rest string) (scheme, bool) {
	parts := strings.Split(rest, "$")
	if len(parts) != 4 {
		return scheme{}, false
	}
	iterations, ok := number(parts[1])
	sum, sumOK := decodePadded(parts[3])
	if !ok || !sumOK {
		return scheme{}, false
	}
	return newPBKDF2(parts[0], iterations, []byte(parts[2]), sum)
}

// parseWerkzeugPBKDF2 parses the rest of pbkdf2:sha256:600000$salt$hash: the literal salt, the hash in hexadecimal.
func parseWerkzeugPBKDF2(rest string) (scheme, bool) {
	method, salt, sum, ok := werkzeug(rest)
	if !ok || len(method) != 2 {
		return scheme{}, false
	}
	iterations, ok := number(method[1])
	if !ok {
		return scheme{}, false
	}
	return newPBKDF2(method[0], iterations, salt, sum)
}

// newScrypt makes a scheme of scrypt, unless it costs too much.
func newScrypt(n, r, p uint64, salt, sum []byte) (scheme, bool) {
	if n < 2 || r < 1 || p < 1 || !sizesFit(salt, sum) {
		return scheme{}, false
	}
	if n > maxMemory/128 || r > maxMemory/128/n || p > maxLanes || 128*n*r*p > maxWork {
		return scheme{costly: true}, false
	}
	if n&(n-1) != 0 {
		return scheme{}, false
	}
	memory := 128 * n * r
	return scheme{
		memory: memory, cheap: memory*p < 1<<20,
		check: func(password []byte) bool {
			got, err := scrypt.Key(password, salt, int(n), int(r), int(p), len(sum)) //nolint:gosec // bounded above
			return err == nil && subtle.ConstantTimeCompare(got, sum) == 1
		},
	}, true
}

// parseScryptPHC reads ln=…,r=…,p=…$salt$hash.
func parseScryptPHC(rest string) (scheme, bool) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return scheme{}, false
	}
	v, ok := parameters(parts[0], "ln", "r", "p")
	salt, saltOK := decodeB64(parts[1])
	sum, sumOK := decodeB64(parts[2])
	if !ok || !saltOK || !sumOK {
		return scheme{}, false
	}
	if v[0] > 20 {
		return scheme{costly: true}, false
	}
	return newScrypt(1<<v[0], v[1], v[2], salt, sum)
}

// parseWerkzeugScrypt reads the rest of scrypt:32768:8:1$salt$hash.
func parseWerkzeugScrypt(rest string) (scheme, bool) {
	method, salt, sum, ok := werkzeug(rest)
	if !ok || len(method) != 3 {
		return scheme{}, false
	}
	return scryptOf(method[0], method[1], method[2], salt, sum)
}

// parseDjangoScrypt reads the rest of scrypt$16384$salt$8$1$hash.
func parseDjangoScrypt(rest string) (scheme, bool) {
	parts := strings.Split(rest, "$")
	if len(parts) != 5 {
		return scheme{}, false
	}
	sum, ok := decodePadded(parts[4])
	if !ok {
		return scheme{}, false
	}
	return scryptOf(parts[0], parts[2], parts[3], []byte(parts[1]), sum)
}

func scryptOf(n, r, p string, salt, sum []byte) (scheme, bool) {
	cost, costOK := number(n)
	block, blockOK := number(r)
	lanes, lanesOK := number(p)
	if !costOK || !blockOK || !lanesOK {
		return scheme{}, false
	}
	return newScrypt(cost, block, lanes, salt, sum)
}

// werkzeug splits method:parameters$salt$hash.
func werkzeug(rest string) (method []string, salt, sum []byte, ok bool) {
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return nil, nil, nil, false
	}
	sum, err := hex.DecodeString(parts[2])
	return strings.Split(parts[0], ":"), []byte(parts[1]), sum, err == nil
}

func decodePadded(text string) ([]byte, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	return raw, err == nil && !strings.ContainsAny(text, "\r\n")
}

package httpserver

import (
	"crypto/rand"
	"encoding/base32"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxParam = 256  // bytes of an id
	maxName  = 1024 // and of a name: 256 characters
)

// decodeParam undoes the escapes of one path segment, once, and refuses what could turn it into another path, another
// key or another line. A name may hold the characters that separate the parts of an address: it is only ever looked up.
func decodeParam(raw string, isName bool) (string, bool) {
	value, err := url.PathUnescape(raw)
	if err != nil || value == "" || value == "." || value == ".." || !utf8.ValidString(value) ||
		strings.ContainsFunc(value, unicode.IsControl) {
		return "", false
	}
	if isName {
		return value, len(value) <= maxName
	}
	return value, len(value) <= maxParam && !strings.ContainsAny(value, `/\%;?#`)
}

const maxRequestID = 128

// requestID takes the id that the client gave, if it is 1 to 128 visible ASCII characters, or makes one.
func requestID(given string) string {
	if given != "" && len(given) <= maxRequestID && !strings.ContainsFunc(given,
		func(c rune) bool { return c <= ' ' || c > '~' }) {
		return strings.Clone(given)
	}
	var random [15]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process where there is no randomness
	return "req_" + idEncoding.EncodeToString(random[:])
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

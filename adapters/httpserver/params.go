package httpserver

import (
	"crypto/rand"
	"encoding/base32"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxParam = 256

// decodeParam undoes the escapes of one path segment, once, and refuses what could turn it into another path, another
// key or another line.
func decodeParam(raw string) (string, bool) {
	value, err := url.PathUnescape(raw)
	if err != nil || value == "" || value == "." || value == ".." || len(value) > maxParam || !utf8.ValidString(value) {
		return "", false
	}
	if strings.ContainsAny(value, `/\%;?#`) || strings.ContainsFunc(value, unicode.IsControl) {
		return "", false
	}
	return value, true
}

const maxRequestID = 128

// requestID takes the id that the client gave, if it is 1 to 128 visible ASCII characters, or makes one.
func requestID(given string) string {
	if given != "" && len(given) <= maxRequestID && !strings.ContainsFunc(given, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return strings.Clone(given)
	}
	var random [15]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process where there is no randomness
	return "req_" + idEncoding.EncodeToString(random[:])
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

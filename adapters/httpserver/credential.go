package httpserver

import (
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

const maxCredential = 4096

// ErrCredentials is a request that names two credentials, so that nobody can say whose it is.
var ErrCredentials = fault.ErrInvalid.About("authorization", "give one credential only")

// BearerCredential finds a request's one credential, for the Security API: "Authorization: Bearer", or X-API-KEY beside
// or instead of it. It is empty where there is none, and where there is one in a form that nobody can check. Two
// Authorization headers, or two credentials that differ, are ErrCredentials.
func BearerCredential(r *Request) (string, error) {
	authorization, key := r.headers("Authorization"), r.headers("X-Api-Key")
	if len(authorization) > 1 || len(key) > 1 {
		return "", ErrCredentials
	}
	var bearer string
	if len(authorization) == 1 {
		bearer = bearerToken(authorization[0])
	}
	if len(key) == 0 {
		return bearer, nil
	}
	if len(authorization) == 1 && bearer != key[0] {
		return "", ErrCredentials
	}
	return plainToken(key[0]), nil
}

// bearerToken returns the token of a Bearer header (RFC 6750, 2.1); empty for another scheme or a malformed one.
func bearerToken(header string) string {
	scheme, token, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return plainToken(token)
}

// plainToken returns s if it is made of a token's characters (RFC 6750's b64token) and not overlong. Refusing the rest
// here keeps whitespace and newlines away from verifiers that would read over them.
func plainToken(s string) string {
	if len(s) > maxCredential || strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~+/=", r)
	}) {
		return ""
	}
	return s
}

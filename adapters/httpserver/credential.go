package httpserver

import (
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

const maxCredential = 4096

// ErrCredentials is a request with two credentials, whose principal is ambiguous.
var ErrCredentials = fault.ErrInvalid.About("authorization", "give one credential only")

// BearerCredential returns a request's one credential, for the Security API: "Authorization: Bearer", or X-API-KEY in
// addition to or instead of it. It is empty if there is none, or if its form is unknown. Two Authorization headers,
// or two different credentials, are ErrCredentials.
func BearerCredential(r *Request) (string, error) {
	authorization, many := r.only("Authorization")
	key, keys := r.only("X-Api-Key")
	if many > 1 || keys > 1 {
		return "", ErrCredentials
	}
	bearer := bearerToken(authorization)
	if keys == 0 {
		return bearer, nil
	}
	if many == 1 && bearer != key {
		return "", ErrCredentials
	}
	return plainToken(key), nil
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
	if len(s) > maxCredential {
		return ""
	}
	for i := range len(s) {
		if !inToken[s[i]] {
			return ""
		}
	}
	return s
}

// inToken marks the characters of a token. It is used for every request, and a table is fastest.
var inToken = func() (table [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") {
		table[c] = true
	}
	return table
}()

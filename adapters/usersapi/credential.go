package usersapi

import (
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// credential finds a request's token: X-API-KEY first, whatever Authorization says, which existing clients fill with
// anything; else Authorization with the scheme Token or Bearer, or as the bare value.
func credential(r *httpserver.Request) (string, error) {
	if key := strings.TrimSpace(r.Header("X-API-KEY")); key != "" {
		return token(key), nil
	}
	value := strings.TrimSpace(r.Header("Authorization"))
	if scheme, rest, found := strings.Cut(value, " "); found {
		if !strings.EqualFold(scheme, "Token") && !strings.EqualFold(scheme, "Bearer") {
			return unusable, nil
		}
		value = strings.TrimSpace(rest)
	}
	return token(value), nil
}

// unusable replaces a credential of an unknown form; it is not a token of ours.
const unusable = "-"

// token returns the text if a token of ours could look like that. What holds other characters is sent on as one that is
// refused, so that the answer is about a wrong token and not about a missing one.
func token(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return unusable
	}
	return text
}

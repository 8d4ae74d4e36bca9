package tpt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// header is exactly {"alg":"HS256","typ":"JWT"}: existing verifiers have seen no other.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

// createdForm is the format of created_on, in UTC.
const createdForm = "2006-01-02 15:04:05"

const maxTokenBytes = 2048

// errToken is the only error for a token that is malformed, not ours or expired.
var errToken = errors.New("not a third-party token of ours")

// claims are the claims of a token. There is no aud: existing verifiers refuse one.
type claims struct {
	CreatedOn string        `json:"created_on"`
	Role      domain.RoleID `json:"role"`
	ID        string        `json:"jti,omitempty"`
	IssuedAt  int64         `json:"iat,omitempty"`
	Expires   int64         `json:"exp,omitempty"`
	Issuer    string        `json:"iss,omitempty"`
}

// sign returns the token with the claims under the secret, whose UTF-8 bytes are the key.
func sign(secret string, c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	body := header + "." + base64.RawURLEncoding.EncodeToString(payload)
	return body + "." + base64.RawURLEncoding.EncodeToString(mac(secret, body)), nil
}

func mac(secret, body string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(body))
	return h.Sum(nil)
}

// parse returns the claims of a token with a valid signature under the secret. The caller checks its dates.
func parse(secret, token string) (claims, error) {
	var c claims
	parts := strings.Split(token, ".")
	if len(token) > maxTokenBytes || len(parts) != 3 || parts[0] != header {
		return c, errToken
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || strings.ContainsAny(token, "\r\n") || !hmac.Equal(signature, mac(secret, parts[0]+"."+parts[1])) {
		return c, errToken
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return c, errToken
	}
	return c, nil
}

// inDate reports whether the token has not expired.
func (c claims) inDate(now time.Time) bool {
	return c.Expires == 0 || now.Unix() < c.Expires
}

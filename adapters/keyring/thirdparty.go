package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

const maxThirdParty = 2048

// ThirdPartyTokens implements ports.ThirdPartyTokens: JWTs under HS256.
type ThirdPartyTokens struct{ secret, issuer string }

// NewThirdPartyTokens returns the tokens under a secret, whose UTF-8 bytes are the key. It is used for nothing else.
func NewThirdPartyTokens(secret, issuer string) *ThirdPartyTokens {
	return &ThirdPartyTokens{secret: secret, issuer: issuer}
}

// thirdPartyClaims are the claims of a token. There is no aud: existing verifiers refuse one.
type thirdPartyClaims struct {
	CreatedOn string        `json:"created_on"`
	Role      domain.RoleID `json:"role"`
	ID        string        `json:"jti,omitempty"`
	IssuedAt  int64         `json:"iat,omitempty"`
	Expires   int64         `json:"exp,omitempty"`
	Issuer    string        `json:"iss,omitempty"`
}

// Sign returns the token of a record.
func (k *ThirdPartyTokens) Sign(record domain.ThirdPartyToken) (string, error) {
	claims := thirdPartyClaims{
		CreatedOn: record.CreatedAt.UTC().Format(time.DateTime), Role: record.Role, ID: record.ID,
		IssuedAt: record.CreatedAt.Unix(), Issuer: k.issuer,
	}
	if !record.ExpiresAt.IsZero() {
		claims.Expires = record.ExpiresAt.Unix()
	}
	return k.sign(claims)
}

func (k *ThirdPartyTokens) sign(claims thirdPartyClaims) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding a third-party token: %w", err)
	}
	body := domain.ThirdPartyPrefix + base64.RawURLEncoding.EncodeToString(payload)
	return body + "." + base64.RawURLEncoding.EncodeToString(k.mac(body)), nil
}

func (k *ThirdPartyTokens) mac(body string) []byte {
	h := hmac.New(sha256.New, []byte(k.secret))
	h.Write([]byte(body))
	return h.Sum(nil)
}

// Check returns the claims of a token with a valid signature. The caller checks its dates.
func (k *ThirdPartyTokens) Check(token string) (domain.ThirdPartyToken, bool) {
	claims, ok := k.parse(token)
	record := domain.ThirdPartyToken{ID: claims.ID, Role: claims.Role}
	if claims.Expires != 0 {
		record.ExpiresAt = time.Unix(claims.Expires, 0)
	}
	return record, ok
}

func (k *ThirdPartyTokens) parse(token string) (claims thirdPartyClaims, ok bool) {
	rest, ok := strings.CutPrefix(token, domain.ThirdPartyPrefix)
	encoded, mac, found := strings.Cut(rest, ".")
	if !ok || !found || len(token) > maxThirdParty || strings.ContainsAny(token, "\r\n") {
		return claims, false
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if err != nil || !hmac.Equal(signature, k.mac(domain.ThirdPartyPrefix+encoded)) {
		return claims, false
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return claims, err == nil && json.Unmarshal(payload, &claims) == nil
}

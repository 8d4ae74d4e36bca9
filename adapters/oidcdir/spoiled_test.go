package oidcdir_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

type spoiled struct {
	spoil    oidc.Spoil
	settings func(*oidcdir.Settings)
	reason   string
}

func claim(name string, value any) oidc.Spoil {
	return oidc.Spoil{Claims: func(c map[string]any) { c[name] = value }}
}

func without(name string) oidc.Spoil {
	return oidc.Spoil{Claims: func(c map[string]any) { delete(c, name) }}
}

func signed(sign func(h *oidc.Hostile, payload []byte) string) oidc.Spoil {
	return oidc.Spoil{Sign: sign}
}

func altered(change func(token string) string) oidc.Spoil {
	return signed(func(h *oidc.Hostile, payload []byte) string { return change(h.Signed(payload)) })
}

func answered(change func(answer map[string]any)) oidc.Spoil { return oidc.Spoil{Answer: change} }

func withHeader(name jose.HeaderKey, value any) oidc.Spoil {
	return signed(func(h *oidc.Hostile, payload []byte) string {
		return oidc.Sign(jose.RS256, h.Key, h.KeyID, payload, map[jose.HeaderKey]any{name: value})
	})
}

func refused(t *testing.T, tests map[string]spoiled) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(test.spoil)
			result, err := hostileRig(t, h, test.settings).signIn(t, "")
			wantRefused(t, err, domain.ErrRedirectLogin, test.reason)
			if result.Identity.Subject != "" || result.IDToken != "" || result.Grant != "" {
				t.Errorf("a refused sign-in names %q", result.Identity.Subject)
			}
		})
	}
}

func TestInvalidSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, map[string]spoiled{
		"unsigned": {signed(func(_ *oidc.Hostile, payload []byte) string {
			encode := base64.RawURLEncoding.EncodeToString
			return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + "."
		}), nil, "malformed jwt"},
		"HS256 with the client's secret": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.HS256, []byte(oidc.HostileSecret), h.KeyID, payload, nil)
		}), nil, "unexpected signature algorithm"},
		"HS256 with the public key": {signed(func(h *oidc.Hostile, payload []byte) string {
			der, _ := x509.MarshalPKIXPublicKey(h.Key.Public())
			public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
			return oidc.Sign(jose.HS256, public, h.KeyID, payload, nil)
		}), nil, "unexpected signature algorithm"},
		"PS256 by the right key, which is not on our list": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.PS256, h.Key, h.KeyID, payload, nil)
		}), nil, "unexpected signature algorithm"},
		"PS256 by a key that is published for RS256": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.PS256, h.Key, h.KeyID, payload, nil)
		}), func(s *oidcdir.Settings) { s.Algorithms = []string{"RS256", "PS256"} }, "not signed by a key"},
		"ES256 by a key of the attacker": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.ES256, ecKey, h.KeyID, payload, nil)
		}), nil, "not signed by a key"},
		"another key under the known id": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.RS256, h.Other, h.KeyID, payload, nil)
		}), nil, "not signed by a key"},
		"another key under an unknown id": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.RS256, h.Other, "k2", payload, nil)
		}), nil, "not signed by a key"},
		"another key without an id": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.RS256, h.Other, "", payload, nil)
		}), nil, "not signed by a key"},
		"a key id that is a path": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.RS256, h.Other, "../../jwks", payload, nil)
		}), nil, "not signed by a key"},
		"a key that the token brings along": {signed(func(h *oidc.Hostile, payload []byte) string {
			own := jose.JSONWebKey{Key: h.Other.Public(), KeyID: "own"}
			return oidc.Sign(jose.RS256, h.Other, "own", payload, map[jose.HeaderKey]any{"jwk": own})
		}), nil, "not signed by a key"},
		"a key whose address the token brings along": {signed(func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.RS256, h.Other, "own", payload, map[jose.HeaderKey]any{"jku": h.URL + "/evil"})
		}), nil, "not signed by a key"},
		"an unknown critical header": {withHeader("crit", []string{"exp"}), nil, ""},
		"altered claims":             {altered(alterClaims), nil, "not signed by a key"},
		"a signature cut short": {
			altered(func(s string) string { return s[:len(s)-8] }), nil,
			"not signed by a key",
		},
		"no signature": {
			altered(func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }),
			nil, "",
		},
		"a line feed at the end":             {altered(func(s string) string { return s + "\n" }), nil, "no signed JWT"},
		"padding at the end":                 {altered(func(s string) string { return s + "=" }), nil, "no signed JWT"},
		"five parts like an encrypted token": {altered(func(s string) string { return s + ".a.b" }), nil, "no signed JWT"},
		"JSON serialization": {altered(func(s string) string {
			parts := strings.Split(s, ".")
			return `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`
		}), nil, "no signed JWT"},
		"more than 64 KiB": {claim("groups", []string{strings.Repeat("x", 64<<10)}), nil, "longer than"},
		"a header that is no JSON": {altered(func(s string) string {
			_, rest, _ := strings.Cut(s, ".")
			return "AAAA." + rest
		}), nil, "header is not plain JSON"},
		"a header with two algorithms": {altered(func(s string) string {
			_, rest, _ := strings.Cut(s, ".")
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","alg":"RS256"}`)) + "." + rest
		}), nil, "header is not plain JSON"},
	})
}

func alterClaims(token string) string {
	parts := strings.Split(token, ".")
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	claims = bytes.Replace(claims, []byte(`"u1"`), []byte(`"u2"`), 1)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(claims) + "." + parts[2]
}

func TestInvalidKeysAreRefused(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	key := func(of func(h *oidc.Hostile) jose.JSONWebKey) func(h *oidc.Hostile) any {
		return func(h *oidc.Hostile) any { return h.KeySet(of(h)) }
	}
	tests := map[string]struct {
		keys func(h *oidc.Hostile) any
		sign func(h *oidc.Hostile, payload []byte) string
	}{
		"a key for encryption": {keys: key(func(h *oidc.Hostile) jose.JSONWebKey {
			return jose.JSONWebKey{Key: h.Key.Public(), KeyID: h.KeyID, Use: "enc"}
		})},
		"a weak RSA key": {
			keys: key(func(h *oidc.Hostile) jose.JSONWebKey { return jose.JSONWebKey{Key: weak.Public(), KeyID: h.KeyID} }),
			sign: func(h *oidc.Hostile, payload []byte) string { return signWeak(t, weak, h.KeyID, payload) },
		},
		"a symmetric key": {
			keys: key(func(h *oidc.Hostile) jose.JSONWebKey {
				return jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: h.KeyID}
			}),
			sign: func(h *oidc.Hostile, payload []byte) string {
				return oidc.Sign(jose.HS256, []byte("0123456789abcdef0123456789abcdef"), h.KeyID, payload, nil)
			},
		},
		"a private key": {keys: key(func(h *oidc.Hostile) jose.JSONWebKey {
			return jose.JSONWebKey{
				Key:   h.Key,
				KeyID: h.KeyID,
			}
		})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(oidc.Spoil{Keys: test.keys, Sign: test.sign})
			_, err := hostileRig(t, h, nil).signIn(t, "")
			if err == nil {
				t.Fatal("signed in under a key that proves nothing")
			}
		})
	}
}

// signWeak signs by hand: go-jose refuses such keys.
func signWeak(t *testing.T, key *rsa.PrivateKey, keyID string, payload []byte) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"RS256","kid":"`+keyID+`"}`)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, 5, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signature)
}

func TestInvalidClaimsAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	maxAge := func(s *oidcdir.Settings) { s.MaxAge = time.Minute }
	refused(t, map[string]spoiled{
		"for another client": {claim("aud", "other"), nil, "expected audience"},
		"for nobody":         {without("aud"), nil, "expected audience"},
		"for several clients without azp": {
			claim("aud", []string{"web", "other"}), nil,
			"names no authorized party",
		},
		"authorized for another client":           {claim("azp", "other"), nil, "authorized party"},
		"authorized for a number":                 {claim("azp", 7), nil, "authorized party"},
		"expired":                                 {claim("exp", now-1), nil, "expired"},
		"without an end":                          {without("exp"), nil, "expired"},
		"issued in an hour":                       {claim("iat", now+3600), nil, "in the future"},
		"without a time of issue":                 {without("iat"), nil, "lacks iat"},
		"with a time of issue that is text":       {claim("iat", "now"), nil, ""},
		"issued before the sign-in began":         {claim("iat", now-600), nil, "before the sign-in began"},
		"not valid before tomorrow":               {claim("nbf", now+86400), nil, "nbf"},
		"without a subject":                       {without("sub"), nil, "subject"},
		"with an empty subject":                   {claim("sub", ""), nil, "subject"},
		"with a subject of 256 characters":        {claim("sub", strings.Repeat("s", 256)), nil, "subject"},
		"with a control character in the subject": {claim("sub", "u1\x00"), nil, "subject"},
		"with a number as subject":                {claim("sub", 7), nil, ""},
		"with a hash of another access token":     {claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), nil, "at_hash"},
		"with a subject in other letters alone": {oidc.Spoil{Claims: func(c map[string]any) {
			delete(c,
				"sub")
			c["Sub"] = "u1"
		}}, nil, "subject"},
		"with an audience in other letters alone": {oidc.Spoil{Claims: func(c map[string]any) {
			delete(c,
				"aud")
			c["AUD"] = "web"
		}}, nil, "for"},
		"with a claim twice": {twice("sub", "admin"), nil, "not plain JSON"},
		"with claims that are no object": {
			oidc.Spoil{Payload: func([]byte) []byte { return []byte(`["u1"]`) }},
			nil, "",
		},
		"that is a security event":                     {claim("events", map[string]any{}), nil, "security event"},
		"of Keycloak's type for access tokens":         {claim("typ", "Bearer"), nil, "Bearer"},
		"of Keycloak's type for logout":                {claim("typ", "Logout"), nil, "Logout"},
		"with the header type of an access token":      {withHeader("typ", "at+jwt"), nil, "type"},
		"with the header type of a logout token":       {withHeader("typ", "logout+jwt"), nil, "type"},
		"with a header type that is a number":          {withHeader("typ", 7), nil, ""},
		"without auth_time when max_age is set":        {oidc.Spoil{}, maxAge, "auth_time"},
		"with an old auth_time when max_age is set":    {claim("auth_time", now-3600), maxAge, "max_age"},
		"with a future auth_time when max_age is set":  {claim("auth_time", now+3600), maxAge, "auth_time"},
		"with a required claim missing":                {oidc.Spoil{}, requireHD, "hd"},
		"with a required claim of another value":       {claim("hd", "evil.example"), requireHD, "hd"},
		"with groups that stand elsewhere":             {elsewhere(), mapGroups, "left out the claim groups"},
		"with an aggregated claim that does not exist": {claim("_claim_names", map[string]any{"groups": "src9"}), nil, ""},
	})
}

func requireHD(s *oidcdir.Settings) {
	s.RequiredClaims = []oidcdir.ClaimRequirement{{Claim: "hd", Values: []string{"example.org"}}}
}

func mapGroups(s *oidcdir.Settings) {
	s.GroupMapping = []oidcdir.GroupRule{{Value: "staff", To: "staff"}}
}

func elsewhere() oidc.Spoil {
	return oidc.Spoil{Claims: func(c map[string]any) {
		delete(c, "groups")
		c["_claim_names"] = map[string]any{"groups": "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": "https://graph.example/groups"}}
	}}
}

func twice(name, value string) oidc.Spoil {
	return oidc.Spoil{Payload: func(p []byte) []byte {
		return append(bytes.TrimSuffix(p, []byte("}")), []byte(`,"`+name+`":"`+value+`"}`)...)
	}}
}

func TestClaimNamesAreCaseSensitive(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	h.Set(oidc.Spoil{Claims: func(c map[string]any) { c["SUB"], c["Email"] = "admin", "admin@example.org" }})
	identity := hostileRig(t, h, nil).mustSignIn(t, "").Identity
	if want := domain.Subject(h.URL + "#u1"); identity.Subject != want || identity.Email != "mallory@example.org" {
		t.Errorf("signed in as %q with %q", identity.Subject, identity.Email)
	}
}

func TestInvalidResponsesAreRefused(t *testing.T) {
	t.Parallel()
	always := func(s *oidcdir.Settings) { s.UserInfo = "always" }
	refused(t, map[string]spoiled{
		"no ID token":                     {answered(func(a map[string]any) { delete(a, "id_token") }), nil, "no ID token"},
		"an empty ID token":               {answered(func(a map[string]any) { a["id_token"] = "" }), nil, "no ID token"},
		"a number for an ID token":        {answered(func(a map[string]any) { a["id_token"] = 7 }), nil, "no ID token"},
		"a token that is no bearer token": {answered(func(a map[string]any) { a["token_type"] = "mac" }), nil, "not Bearer"},
		"no token type":                   {answered(func(a map[string]any) { delete(a, "token_type") }), nil, "not Bearer"},
		"user information of somebody else": {oidc.Spoil{
			UserInfo: func(info map[string]any) { info["sub"] = "admin" },
		}, always, "another subject"},
		"user information of nobody": {oidc.Spoil{
			UserInfo: func(info map[string]any) { delete(info, "sub") },
		}, always, "another subject"},
		"user information that is refused": {oidc.Spoil{Take: map[string]func(http.ResponseWriter, *http.Request){
			"/userinfo": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		}}, always, "403"},
		"user information with a claim twice": {
			taken("/userinfo", http.StatusOK, `{"sub":"u1","sub":"admin"}`), always,
			"not plain JSON",
		},
		"user information that is a web page": {oidc.Spoil{Take: map[string]func(http.ResponseWriter, *http.Request){
			"/userinfo": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		}}, always, "of type"},
		"a refused code": {
			taken("/token", http.StatusBadRequest, `{"error":"invalid_grant","error_description":"used"}`),
			nil, "invalid_grant used",
		},
		"an unknown error": {taken("/token", http.StatusBadRequest, `{"error":"nonsense"}`), nil, "nonsense"},
	})
}

// taken makes a path answer this JSON.
func taken(path string, status int, body string) oidc.Spoil {
	return oidc.Spoil{Take: map[string]func(http.ResponseWriter, *http.Request){
		path: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		},
	}}
}

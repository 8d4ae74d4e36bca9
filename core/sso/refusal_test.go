package sso_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

// set replaces one claim.
func set(name string, value any) oidc.Spoil {
	return oidc.Spoil{Claims: func(c map[string]any) { c[name] = value }}
}

// lacking removes one claim.
func lacking(name string) oidc.Spoil {
	return oidc.Spoil{Claims: func(c map[string]any) { delete(c, name) }}
}

// by signs the token in another way.
func by(algorithm jose.SignatureAlgorithm, key func(h *oidc.Hostile) any, id string,
	header map[jose.HeaderKey]any,
) oidc.Spoil {
	return oidc.Spoil{Sign: func(h *oidc.Hostile, payload []byte) string {
		return oidc.Sign(algorithm, key(h), id, payload,
			header)
	}}
}

func right(h *oidc.Hostile) any { return h.Key }
func wrong(h *oidc.Hostile) any { return h.Other }
func secret(*oidc.Hostile) any  { return []byte(oidc.HostileSecret) }
func twice(p []byte) []byte     { return append(p[:len(p)-1], []byte(`,"sub":"admin"}`)...) }
func list([]byte) []byte        { return []byte(`["u1"]`) }
func noToken(a map[string]any)  { delete(a, "id_token") }
func macToken(a map[string]any) { a["token_type"] = "mac" }
func numToken(a map[string]any) { a["id_token"] = 7 }
func header(typ string) oidc.Spoil {
	return by(jose.RS256, right, "k1", map[jose.HeaderKey]any{"typ": typ})
}

// The adapter's own tests test each check separately; this test covers the way of its reason into the audit log.
func TestAuditLogHasReasonOfEachRefusal(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	now := time.Now().Unix()
	for name, test := range map[string]struct {
		spoil  oidc.Spoil
		reason string
	}{
		"another nonce":           {set("nonce", "x"), "nonce"},
		"no nonce":                {lacking("nonce"), "nonce"},
		"another azp":             {set("azp", "other"), "authorized party"},
		"several aud":             {set("aud", []string{"web", "x"}), "names no authorized party"},
		"another aud":             {set("aud", "other"), "audience"},
		"no aud":                  {lacking("aud"), "audience"},
		"another iss":             {set("iss", "https://evil.example"), "issued by a different provider"},
		"no iss":                  {lacking("iss"), "issued by a different provider"},
		"expired":                 {set("exp", now-5), "expired"},
		"no exp":                  {lacking("exp"), "expired"},
		"future iat":              {set("iat", now+3600), "in the future"},
		"old iat":                 {set("iat", now-3600), "issued before the sign-in began"},
		"no iat":                  {lacking("iat"), "lacks iat"},
		"future nbf":              {set("nbf", now+86400), "nbf"},
		"no sub":                  {lacking("sub"), "subject"},
		"empty sub":               {set("sub", ""), "subject"},
		"long sub":                {set("sub", strings.Repeat("s", 256)), "subject"},
		"control in sub":          {set("sub", "a\x01"), "control characters"},
		"wrong at_hash":           {set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "at_hash"},
		"an event":                {set("events", map[string]any{}), "security event"},
		"Keycloak's access token": {set("typ", "Bearer"), "Bearer"},
		"future auth_time":        {set("auth_time", now+3600), "auth_time"},
		"a claim twice":           {oidc.Spoil{Payload: twice}, "not plain JSON"},
		"a list of claims":        {oidc.Spoil{Payload: list}, "claims"},
		"HS256 by the secret":     {by(jose.HS256, secret, "k1", nil), "unexpected signature algorithm"},
		"PS256 by the right key":  {by(jose.PS256, right, "k1", nil), "unexpected signature algorithm"},
		"another key":             {by(jose.RS256, wrong, "k1", nil), "not signed by a key"},
		"an unknown key":          {by(jose.RS256, wrong, "k2", nil), "not signed by a key"},
		"a token's own key address": {
			by(jose.RS256, wrong, "k2", map[jose.HeaderKey]any{"jku": "https://evil.example"}),
			"not signed by a key",
		},
		"an access token": {header("at+jwt"), "the token's type"},
		"a logout token":  {header("logout+jwt"), "the token's type"},
		"no ID token":     {oidc.Spoil{Answer: noToken}, "no ID token"},
		"a number":        {oidc.Spoil{Answer: numToken}, "no ID token"},
		"no bearer token": {oidc.Spoil{Answer: macToken}, "not Bearer"},
		"a refused code":  {refusing(http.StatusBadRequest, `{"error":"invalid_grant"}`), "provider refused the code"},
		"an outage":       {refusing(http.StatusInternalServerError, ``), "directory_unavailable"},
	} {
		r.provider.Set(test.spoil)
		returned := r.back(t, r.answer(t, r.start(t, startInput())))
		outage := test.reason == "directory_unavailable"
		if returned.Err == nil || errors.Is(returned.Err, domain.ErrDirectoryUnavailable) != outage || returned.Code != "" ||
			returned.State != "client-state" {
			t.Errorf("%s: the client got %+v", name, returned)
		}
		got := r.Logged(t, domain.ActionLoginFailed)[0]
		if said, _ := got.Details["reason"].(string); !strings.Contains(said, test.reason) ||
			got.Details["directory"] != "corp" || got.Success {
			t.Errorf("%s: audit details %v", name, got.Details)
		}
	}
	if got := r.Logged(t, domain.ActionLogin, domain.ActionUserCreate); len(got) != 0 {
		t.Errorf("a login succeeded: %v", got)
	}
}

func refusing(status int, body string) oidc.Spoil {
	return oidc.Spoil{Take: map[string]func(http.ResponseWriter,
		*http.Request){"/token": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}}}
}

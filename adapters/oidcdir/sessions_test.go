package oidcdir_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

func TestCheckLogoutToken_returns_what_ends(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	claims := h.LogoutClaims()
	token := oidc.Sign(jose.RS256, h.Key, h.KeyID, payload(t, claims), map[jose.HeaderKey]any{"typ": "logout+jwt"})
	got, err := r.CheckLogoutToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	want := domain.ProviderLogout{
		Directory: "corp", Subject: domain.Subject(h.URL + "#u1"), ProviderSession: "sid-1",
		TokenID: fmt.Sprint(claims["jti"]),
	}
	if age := time.Since(got.IssuedAt); age < 0 || age > time.Minute {
		t.Errorf("issued at %s", got.IssuedAt)
	}
	got.IssuedAt = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	delete(claims, "sub")
	got, err = r.CheckLogoutToken(t.Context(), h.Signed(payload(t, claims)))
	if err != nil || got.Subject != "" || got.ProviderSession != "sid-1" {
		t.Errorf("a token for one session: %v %v", got, err)
	}
}

func TestInvalidLogoutTokensAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Now().Unix()
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	drop := func(names ...string) func(map[string]any) {
		return func(c map[string]any) {
			for _, name := range names {
				delete(c, name)
			}
		}
	}
	tests := map[string]struct {
		change func(map[string]any)
		reason string
	}{
		"no event": {drop("events"), "event"},
		"another event": {
			set("events", map[string]any{"http://schemas.example/other": map[string]any{}}),
			"event",
		},
		"an event that is no object": {set("events",
			map[string]any{"http://schemas.openid.net/event/backchannel-logout": true}), "event"},
		"a nonce":                     {set("nonce", "x"), "nonce"},
		"an empty nonce":              {set("nonce", ""), "nonce"},
		"a nonce in other letters":    {set("NONCE", "x"), "nonce"},
		"no jti":                      {drop("jti"), "jti"},
		"a long jti":                  {set("jti", strings.Repeat("j", 256)), "jti"},
		"neither subject nor session": {drop("sub", "sid"), "sub"},
		"a long session":              {set("sid", strings.Repeat("s", 256)), "longer than"},
		"another issuer":              {set("iss", "https://evil.example"), "different provider"},
		"another client":              {set("aud", "other"), "audience"},
		"several clients":             {set("aud", []string{"web", "other"}), "authorized party"},
		"no end":                      {drop("exp"), "exp"},
		"expired":                     {set("exp", now-5), "expired"},
		"no time of issue":            {drop("iat"), "iat"},
		"issued in an hour":           {set("iat", now+3600), "in the future"},
		"issued seven minutes ago":    {set("iat", now-420), "older than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			claims := h.LogoutClaims()
			test.change(claims)
			_, err := hostileRig(t, h, nil).CheckLogoutToken(t.Context(), h.Signed(payload(t, claims)))
			wantRefused(t, err, domain.ErrLogoutToken, test.reason)
		})
	}
}

func TestOtherTokensAreNotLogoutTokens(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	result := r.mustSignIn(t, "")
	for name, token := range map[string]string{
		"an ID token":   result.IDToken,
		"nothing":       "",
		"no token":      "a.b.c",
		"unsigned":      "eyJhbGciOiJub25lIn0.e30.",
		"another key's": oidc.Sign(jose.RS256, h.Other, h.KeyID, payload(t, h.LogoutClaims()), nil),
		"an access token": oidc.Sign(jose.RS256, h.Key, h.KeyID, payload(t, h.LogoutClaims()),
			map[jose.HeaderKey]any{"typ": "at+jwt"}),
		"with a line feed": h.Signed(payload(t, h.LogoutClaims())) + "\n",
	} {
		if _, err := r.CheckLogoutToken(t.Context(), token); !errors.Is(err, domain.ErrLogoutToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func offline(s *oidcdir.Settings) { s.OfflineAccess = true }

func refreshAnswer(change func(answer map[string]any)) oidc.Spoil {
	return oidc.Spoil{Answer: func(a map[string]any) {
		a["refresh_token"] = "rt-1"
		if change != nil {
			change(a)
		}
	}}
}

func TestRefresh_follows_the_provider(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	h.Set(refreshAnswer(nil))
	r := hostileRig(t, h, offline)
	result := r.mustSignIn(t, "")
	if result.Grant == "" || strings.Contains(result.Grant, "rt-1") {
		t.Fatalf("the grant is %q", result.Grant)
	}
	h.Set(refreshAnswer(func(a map[string]any) { a["refresh_token"] = "rt-2"; delete(a, "id_token") }))
	next, err := r.Refresh(t.Context(), result.Grant)
	if err != nil || next == result.Grant {
		t.Fatalf("got %q, %v", next, err)
	}
	if got := h.LastTokenRequest(); got.Get("refresh_token") != "rt-1" || got.Get("grant_type") != "refresh_token" {
		t.Errorf("asked with %v", got)
	}
	h.Set(refreshAnswer(func(a map[string]any) { delete(a, "refresh_token"); delete(a, "id_token") }))
	again, err := r.Refresh(t.Context(), next)
	if err != nil || again != next {
		t.Errorf("a provider that does not rotate: %q, %v", again, err)
	}
}

func TestRefresh_distinguishes_an_end_from_an_outage(t *testing.T) {
	t.Parallel()
	other := func(c map[string]any) { c["sub"] = "u2" }
	tests := map[string]struct {
		spoil oidc.Spoil
		want  error
	}{
		"invalid_grant": {
			taken("/token", http.StatusBadRequest, `{"error":"invalid_grant"}`),
			domain.ErrProviderSessionEnded,
		},
		"another person": {
			oidc.Spoil{Answer: refreshAnswer(nil).Answer, Claims: other},
			domain.ErrProviderSessionEnded,
		},
		"invalid_client": {
			taken("/token", http.StatusUnauthorized, `{"error":"invalid_client"}`),
			domain.ErrDirectoryUnavailable,
		},
		"unsupported_grant_type": {
			taken("/token", http.StatusBadRequest, `{"error":"unsupported_grant_type"}`),
			domain.ErrDirectoryUnavailable,
		},
		"a server error": {
			taken("/token", http.StatusInternalServerError, `{"error":"invalid_grant"}`),
			domain.ErrDirectoryUnavailable,
		},
		"a web page": {taken("/token", http.StatusOK, `<html>`), domain.ErrDirectoryUnavailable},
		"an ID token of nobody's": {oidc.Spoil{Answer: refreshAnswer(nil).Answer, Sign: func(h *oidc.Hostile,
			p []byte,
		) string {
			return oidc.Sign(jose.RS256, h.Other, "k1", p, nil)
		}}, domain.ErrDirectoryUnavailable},
	}
	const rotated = "an ID token of nobody's" // the provider has replaced the grant, which is returned with the error
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(refreshAnswer(nil))
			r := hostileRig(t, h, offline)
			result := r.mustSignIn(t, "")
			h.Set(test.spoil)
			next, err := r.Refresh(t.Context(), result.Grant)
			if !errors.Is(err, test.want) || (next != "") != (name == rotated) {
				t.Errorf("got %q, %v", next, err)
			}
		})
	}
}

func TestRefresh_is_not_asked_for_unless_wanted(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	h.Set(refreshAnswer(nil))
	r := hostileRig(t, h, nil)
	if result := r.mustSignIn(t, ""); result.Grant != "" {
		t.Error("a grant that nobody asked for was kept")
	}
	if _, err := r.Refresh(t.Context(), "nonsense"); !errors.Is(err, domain.ErrProviderSessionEnded) {
		t.Errorf("a grant of nobody's: %v", err)
	}
}

func TestLogoutURL_is_the_providers(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	address, err := r.LogoutURL(t.Context(), "id.token.here", "https://app.example/bye", "st")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"client_id": {"web"}, "id_token_hint": {"id.token.here"}, "post_logout_redirect_uri": {"https://app.example/bye"},
		"state": {"st"},
	}
	if diff := cmp.Diff(want, u.Query()); diff != "" || !strings.HasPrefix(address, h.URL+"/bye?") {
		t.Errorf("%s\n%s", address, diff)
	}
	h2 := oidc.NewHostile(t)
	h2.Set(oidc.Spoil{Metadata: func(m map[string]any) { delete(m, "end_session_endpoint") }})
	if address, err = hostileRig(t, h2, nil).LogoutURL(t.Context(), "x", "", ""); address != "" || err != nil {
		t.Errorf("a provider without: %q, %v", address, err)
	}
}

func TestALongIDTokenIsNotKept(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	h.Set(claim("groups", []string{strings.Repeat("x", 5000)}))
	if result := hostileRig(t, h, nil).mustSignIn(t, ""); result.IDToken != "" {
		t.Errorf("%d bytes are kept", len(result.IDToken))
	}
}

func TestLogoutURL_leaves_out_a_hint_that_is_too_long(t *testing.T) {
	t.Parallel()
	r := hostileRig(t, oidc.NewHostile(t), nil)
	address, err := r.LogoutURL(t.Context(), strings.Repeat("x", 20<<10), "", "")
	if err != nil || len(address) > 1000 {
		t.Errorf("%d characters, %v", len(address), err)
	}
}

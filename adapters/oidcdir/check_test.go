package oidcdir_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

func step(t *testing.T, steps []domain.CheckStep, name string) domain.CheckStep {
	t.Helper()
	for _, s := range steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no step %q in %v", name, steps)
	return domain.CheckStep{}
}

func TestCheck_of_a_certified_provider_is_all_well(t *testing.T) {
	t.Parallel()
	op := oidc.Start(t, oidc.Options{Redirects: []string{"https://login.example.org/corp/callback"}})
	r := newRig(t, oidcdir.Settings{Timeout: patience, Issuer: op.Issuer, ClientID: "web", ClientSecret: "web-secret"})
	steps := r.Check(t.Context(), "")
	for _, s := range steps {
		if !s.OK {
			t.Errorf("%s: %s (%s)", s.Name, s.Detail, s.Advice)
		}
	}
	if got := step(t, steps, "redirect URI").Detail; got != "https://login.example.org/corp/callback" {
		t.Errorf("the redirect URI is %q", got)
	}
	if got := step(t, steps, "keys").Detail; !strings.Contains(got, "RSA-2048") || !strings.Contains(got, "P-256") {
		t.Errorf("the keys are %q", got)
	}
	wrong := newRig(t, oidcdir.Settings{Timeout: patience, Issuer: op.Issuer, ClientID: "web", ClientSecret: "wrong"})
	if s := step(t, wrong.Check(t.Context(), ""), "client"); s.OK || !strings.Contains(s.Advice, "client_secret") {
		t.Errorf("with a wrong secret: %+v", s)
	}
}

func TestCheck_says_in_plain_words_what_is_wrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil    oidc.Spoil
		settings func(*oidcdir.Settings)
		step     string
		advice   string
	}{
		"an issuer with another end": {
			oidc.Spoil{Metadata: addSlash("issuer")}, nil, "discovery", "to the character",
		},
		"no provider there": {taken(discoveryPath, http.StatusNotFound, "no"), nil, "discovery", "there is no provider"},
		"a redirect":        {redirect(discoveryPath, "/x"), nil, "discovery", "redirects"},
		"a private address": {
			oidc.Spoil{},
			func(s *oidcdir.Settings) { s.Issuer = "https://10.255.255.1" }, "discovery",
			"allow_private_addresses",
		},
		"nobody there": {
			oidc.Spoil{},
			func(s *oidcdir.Settings) { s.Issuer = "http://127.0.0.1:1" }, "discovery",
			"can be read",
		},
		"keys of no use": {taken("/jwks", http.StatusOK, `{"keys":[]}`), nil, "keys", "jwks_uri"},
		"no common algorithm": {
			oidc.Spoil{},
			func(s *oidcdir.Settings) { s.Algorithms = []string{"ES384"} }, "algorithms",
			"asymmetric",
		},
		"a clock that differs": {
			oidc.Spoil{Take: map[string]func(http.ResponseWriter, *http.Request){}, Metadata: nil},
			nil, "clock", "NTP",
		},
		"a refused client": {
			taken("/token", http.StatusUnauthorized, `{"error":"invalid_client"}`), nil, "client",
			"client_secret",
		},
		"an endpoint that fails": {taken("/token", http.StatusInternalServerError, `x`), nil, "client", "log"},
		"a token for anything":   {oidc.Spoil{}, nil, "client", "do not use"},
		"missing scopes": {
			oidc.Spoil{Metadata: func(m map[string]any) { m["scopes_supported"] = []string{"openid"} }},
			nil, "scopes",
			"take them out",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(test.spoil)
			r := hostileRig(t, h, test.settings)
			if test.step == "clock" {
				r.clock.advance(-3 * time.Minute)
			}
			if got := step(t, r.Check(t.Context(), ""), test.step); got.OK || !strings.Contains(got.Advice, test.advice) ||
				got.Detail == "" {
				t.Errorf("got %+v, want advice with %q", got, test.advice)
			}
		})
	}
}

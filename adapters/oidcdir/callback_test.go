package oidcdir_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

func TestStartSendsStateNonceAndPKCE(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, func(s *oidcdir.Settings) {
		s.MaxAge = 5 * time.Minute
		s.SecondFactor.RequestACR = []string{"phrh", "phr"}
		s.AuthorizeParams = map[string]string{"hd": "example.org"}
	})
	first, second := r.start(t, "alice@example.org"), r.start(t, "evil\r\nhint")
	u, err := url.Parse(first.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "web", "redirect_uri": callback, "state": state,
		"scope": "openid profile email",
		"nonce": first.Flow.Nonce, "code_challenge_method": "S256", "login_hint": "alice@example.org", "hd": "example.org",
		"max_age": "300", "acr_values": "phrh phr",
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if u.Query().Get("code_challenge") == "" || u.Query().Get("code_challenge") == first.Flow.Verifier {
		t.Error("the code challenge is missing or the verifier itself")
	}
	if first.Flow.Nonce == second.Flow.Nonce || first.Flow.Verifier == second.Flow.Verifier || len(first.Flow.Nonce) < 43 {
		t.Error("nonce and verifier must be new and long for each sign-in")
	}
	if u, _ = url.Parse(second.URL); u.Query().Has("login_hint") {
		t.Error("a hint with a line feed was passed on")
	}
}

func TestInvalidNoncesAreRefused(t *testing.T) {
	t.Parallel()
	refused(t, map[string]spoiled{
		"without a nonce":             {without("nonce"), nil, "nonce"},
		"with an empty nonce":         {claim("nonce", ""), nil, "nonce"},
		"with the nonce of another":   {claim("nonce", "AAAA"), nil, "nonce"},
		"with a nonce that is a list": {claim("nonce", []string{"a"}), nil, ""},
		"with a nonce in big letters": {oidc.Spoil{Claims: func(c map[string]any) {
			c["Nonce"] = c["nonce"]
			delete(c,
				"nonce")
		}}, nil, "nonce"},
		"with a second nonce in front": {oidc.Spoil{Payload: func(p []byte) []byte {
			return append([]byte(`{"nonce":"x",`),
				p[1:]...)
		}}, nil, "not plain JSON"},
	})
}

func TestInvalidCallbacksAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(flow *domain.RedirectFlow, callback *domain.RedirectCallback, c *clock)
		reason string
	}{
		"another state": {func(_ *domain.RedirectFlow, c *domain.RedirectCallback,
			_ *clock,
		) {
			c.State = "other"
		}, "state"},
		"no state": {
			func(_ *domain.RedirectFlow, c *domain.RedirectCallback, _ *clock) { c.State = "" },
			"state",
		},
		"a flow without state": {func(f *domain.RedirectFlow, c *domain.RedirectCallback, _ *clock) {
			f.State,
				c.State = "", ""
		}, "state"},
		"a flow without nonce": {
			func(f *domain.RedirectFlow, _ *domain.RedirectCallback, _ *clock) { f.Nonce = "" },
			"nonce",
		},
		"a flow of another": {func(f *domain.RedirectFlow, _ *domain.RedirectCallback,
			_ *clock,
		) {
			f.Directory = "other"
		}, "another provider"},
		"eleven minutes later": {func(_ *domain.RedirectFlow, _ *domain.RedirectCallback,
			c *clock,
		) {
			c.advance(11 * time.Minute)
		}, "longer than"},
		"no code": {
			func(_ *domain.RedirectFlow, c *domain.RedirectCallback, _ *clock) { c.Code = "" },
			"no code",
		},
		"an error": {func(_ *domain.RedirectFlow, c *domain.RedirectCallback,
			_ *clock,
		) {
			c.Error = "access_denied"
		}, "access_denied"},
		"an error with line feeds": {
			func(_ *domain.RedirectFlow, c *domain.RedirectCallback, _ *clock) { c.Error = "a\nb" },
			"a",
		},
		"the nonce of another flow": {
			func(f *domain.RedirectFlow, _ *domain.RedirectCallback, _ *clock) { f.Nonce = "AAAA" },
			"nonce",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := hostileRig(t, oidc.NewHostile(t), nil)
			start := r.start(t, "")
			back := r.visit(t, start.URL)
			test.change(&start.Flow, &back, r.clock)
			_, err := r.Finish(t.Context(), start.Flow, back)
			wantRefused(t, err, domain.ErrRedirectLogin, test.reason)
		})
	}
}

func TestCallbackMustNameTheIssuer(t *testing.T) {
	t.Parallel()
	sends := func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = true }
	tests := map[string]struct {
		metadata func(map[string]any)
		iss      func(h *oidc.Hostile) string
		refused  bool
	}{
		"the right one":                        {sends, func(h *oidc.Hostile) string { return h.URL }, false},
		"the right one from one that need not": {nil, func(h *oidc.Hostile) string { return h.URL }, false},
		"none from one that need not":          {nil, func(*oidc.Hostile) string { return "" }, false},
		"none from one that sends it":          {sends, func(*oidc.Hostile) string { return "" }, true},
		"another provider's from one that sends": {
			sends, func(*oidc.Hostile) string { return "https://evil.example" },
			true,
		},
		"another provider's from one that needn't": {nil, func(*oidc.Hostile) string { return "https://evil.example" }, true},
		"the right one with a slash":               {sends, func(h *oidc.Hostile) string { return h.URL + "/" }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(oidc.Spoil{Metadata: test.metadata})
			r := hostileRig(t, h, nil)
			start := r.start(t, "")
			back := r.visit(t, start.URL)
			back.Issuer = test.iss(h)
			_, err := r.Finish(t.Context(), start.Flow, back)
			if !test.refused {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantRefused(t, err, domain.ErrRedirectLogin, "iss")
			if h.Hits("/token") != 0 {
				t.Error("the code was sent to a provider that the callback may not have come from")
			}
		})
	}
}

// addSlash makes an address one that leads to the same place and is not the same.
func addSlash(name string) func(map[string]any) {
	return func(m map[string]any) { m[name] = fmt.Sprint(m[name], "/") }
}

func TestInvalidIssuersAreRefused(t *testing.T) {
	t.Parallel()
	refused(t, map[string]spoiled{
		"another issuer":         {claim("iss", "https://evil.example"), nil, "issued by a different provider"},
		"no issuer":              {without("iss"), nil, "issued by a different provider"},
		"an issuer with a slash": {oidc.Spoil{Claims: addSlash("iss")}, nil, "issued by a different provider"},
		"an issuer in other letters": {
			oidc.Spoil{Claims: func(c map[string]any) { c["ISS"] = c["iss"]; delete(c, "iss") }},
			nil, "issuer",
		},
	})
}

// A code of one provider that is brought to another's callback (mix-up) must end before anything is sent.
func TestResponsesOfAnotherProviderAreRefused(t *testing.T) {
	t.Parallel()
	honest, evil := oidc.NewHostile(t), oidc.NewHostile(t)
	r, other := hostileRig(t, honest, nil), hostileRig(t, evil, nil)
	start, second := r.start(t, ""), other.start(t, "")
	back := r.visit(t, start.URL)
	if _, err := other.Finish(t.Context(), second.Flow, back); err == nil {
		t.Fatal("a code of one provider was taken for another's")
	}
}

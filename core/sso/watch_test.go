package sso_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

// unverifiable makes the provider rotate the grant with an ID token whose key is not in the key set.
func unverifiable(token, keyID string) oidc.Spoil {
	return oidc.Spoil{
		Answer: func(a map[string]any) { a["refresh_token"] = token },
		Sign: func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.RS256, h.Other, keyID, payload, nil)
		},
	}
}

func TestWatchProvidersKeepsTheNewGrantOfAnUncheckableToken(t *testing.T) {
	t.Parallel()
	keysDown := unverifiable("rt-2", "k2")
	keysDown.Take = map[string]func(http.ResponseWriter, *http.Request){
		"/jwks": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	}
	for name, spoil := range map[string]oidc.Spoil{
		"while the keys are unavailable": keysDown,
		"with a signature of nobody's":   unverifiable("rt-2", "k1"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, offline)
			r.provider.Set(granting())
			signedIn := r.signIn(t)
			r.provider.Set(spoil)
			r.Clock.Forward(11 * time.Minute)
			if changes := r.watch(t); len(changes) != 1 || changes[0].Err == nil {
				t.Errorf("changes %v, want one failure", changes)
			}
			r.provider.Set(refreshing("rt-3"))
			r.Clock.Forward(11 * time.Minute)
			r.watch(t)
			if got := r.provider.LastTokenRequest().Get("refresh_token"); got != "rt-2" {
				t.Errorf("checked with %q, which the provider has replaced", got)
			}
			if !r.isLive(t, signedIn) {
				t.Error("the session ended")
			}
		})
	}
}

func TestWatchProvidersReportsEachChangeOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, offline)
	r.provider.Set(granting())
	signedIn := r.signIn(t)
	expired := refusing(http.StatusUnauthorized, `{"error":"invalid_client","error_description":"secret expired"}`)
	for i, step := range []struct {
		spoil   oidc.Spoil
		change  string // "" for none
		failing bool
	}{
		{refreshing("rt-2"), "", false},
		{expired, "secret expired", true},
		{expired, "", true},
		{refreshing("rt-3"), "recovered", false},
		{refreshing("rt-4"), "", false},
		{refusing(http.StatusServiceUnavailable, ""), "status 503", true},
	} {
		r.provider.Set(step.spoil)
		r.Clock.Forward(11 * time.Minute)
		var err error
		if signedIn, err = r.Auth.Refresh(t.Context(), someone(), signedIn.Tokens.Refresh); err != nil { // never idle
			t.Fatal(err)
		}
		got := ""
		for _, c := range r.watch(t) {
			got += string(c.Directory) + ": recovered"
			if c.Err != nil {
				got = string(c.Directory) + ": " + c.Err.Error()
			}
		}
		if (got == "") != (step.change == "") || !strings.Contains(got, step.change) ||
			got != "" && !strings.HasPrefix(got, "corp: ") {
			t.Errorf("step %d: change %q, want %q", i, got, step.change)
		}
		if r.SSO.FailingProviders()["corp"] != step.failing {
			t.Errorf("step %d: the provider is failing: %v", i, !step.failing)
		}
		r.watch(t) // a run in which no check is due changes nothing
		if r.SSO.FailingProviders()["corp"] != step.failing {
			t.Errorf("step %d: a run without a check changed the state", i)
		}
	}
}

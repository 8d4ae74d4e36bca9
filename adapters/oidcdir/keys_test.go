package oidcdir_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

func TestForgedTokensCauseNoRequests(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	r.mustSignIn(t, "")
	var group sync.WaitGroup
	for worker := range 10 {
		group.Go(func() {
			for i := range 100 {
				keyID := "k1"
				if i%2 == 0 {
					keyID = strings.Repeat("x", worker+1)
				}
				forged := oidc.Sign(jose.RS256, h.Other, keyID, payload(t, h.LogoutClaims()), nil)
				if _, err := r.CheckLogoutToken(t.Context(), forged); !errors.Is(err, domain.ErrLogoutToken) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
	group.Wait()
	if got := h.Hits("/jwks"); got > 2 {
		t.Errorf("1,000 forged tokens made %d requests for keys", got)
	}
}

func TestKeysAreFetchedAtMostOnceInTenSeconds(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	forged := oidc.Sign(jose.RS256, h.Other, "k2", payload(t, h.LogoutClaims()), nil)
	for range 6 {
		_, _ = r.CheckLogoutToken(t.Context(), forged)
		r.clock.advance(4 * time.Second)
	}
	// One at 0, 12 and perhaps 20 seconds and more.
	if got := h.Hits("/jwks"); got < 2 || got > 3 {
		t.Errorf("twenty seconds of forged tokens made %d requests for keys", got)
	}
}

func TestNewKeyIsFetchedAndWithdrawnKeyIsDropped(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, func(s *oidcdir.Settings) { s.KeysRefresh = time.Hour })
	r.mustSignIn(t, "")
	stolen := h.Signed(payload(t, h.LogoutClaims()))
	h.Set(oidc.Spoil{
		Keys: func(h *oidc.Hostile) any { return h.KeySet(jose.JSONWebKey{Key: h.Other.Public(), KeyID: "k2"}) },
		Sign: func(h *oidc.Hostile, payload []byte) string {
			return oidc.Sign(jose.RS256, h.Other, "k2", payload, nil)
		},
	})
	r.clock.advance(11 * time.Second)
	r.mustSignIn(t, "")
	if _, err := r.CheckLogoutToken(t.Context(), stolen); !errors.Is(err, domain.ErrLogoutToken) {
		t.Errorf("a token by the withdrawn key: %v", err)
	}
}

// No token under an unknown key need come: the age of the keys is enough.
func TestWithdrawnKeyExpires(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	r.mustSignIn(t, "")
	h.Set(oidc.Spoil{Keys: func(h *oidc.Hostile) any {
		return h.KeySet(jose.JSONWebKey{Key: h.Other.Public(), KeyID: "k2"})
	}})
	r.clock.advance(59 * time.Minute)
	claims := h.LogoutClaims()
	claims["iat"], claims["exp"] = r.clock.Now().Unix(), r.clock.Now().Add(time.Hour).Unix()
	token := h.Signed(payload(t, claims))
	if _, err := r.CheckLogoutToken(t.Context(), token); err != nil {
		t.Fatalf("within the hour: %v", err)
	}
	r.clock.advance(2 * time.Minute)
	_, err := r.CheckLogoutToken(t.Context(), token)
	wantRefused(t, err, domain.ErrLogoutToken, "not signed by a key")
}

func TestCachedKeysSurviveAKeySetOutage(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	r.mustSignIn(t, "")
	h.Set(taken("/jwks", http.StatusInternalServerError, `{}`))
	r.clock.advance(2 * time.Hour)
	claims := h.LogoutClaims()
	claims["iat"], claims["exp"] = r.clock.Now().Unix(), r.clock.Now().Add(time.Minute).Unix()
	if _, err := r.CheckLogoutToken(t.Context(), h.Signed(payload(t, claims))); err != nil {
		t.Errorf("with cached keys: %v", err)
	}
	// Under a key that is not known the answer depends on the provider, which cannot be asked: that is an outage.
	r.clock.advance(time.Minute)
	unknown := oidc.Sign(jose.RS256, h.Other, "k2", payload(t, claims), nil)
	if _, err := r.CheckLogoutToken(t.Context(), unknown); !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("under an unknown key: %v", err)
	}
}

func TestInvalidKeySetsAreAnOutage(t *testing.T) {
	t.Parallel()
	tests := map[string]oidc.Spoil{
		"not JSON":         taken("/jwks", http.StatusOK, `<html>`),
		"an error":         taken("/jwks", http.StatusBadGateway, `{"keys":[]}`),
		"no keys":          taken("/jwks", http.StatusOK, `{"keys":[]}`),
		"nonsense keys":    taken("/jwks", http.StatusOK, `{"keys":[1,{"kty":"XYZ"},{"kty":"RSA","n":"!","e":"AQAB"}]}`),
		"more than 1 MiB":  endless("/jwks", `{"keys":[`, " "),
		"a redirect":       redirect("/jwks", "/elsewhere"),
		"a key set inside": taken("/jwks", http.StatusOK, `{"keys":{"keys":[]}}`),
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(spoil)
			_, err := hostileRig(t, h, nil).signIn(t, "")
			wantRefused(t, err, domain.ErrDirectoryUnavailable, "fetching the keys")
			if h.Hits("/elsewhere") != 0 {
				t.Error("a redirect was followed")
			}
		})
	}
}

// endless sends an endless response.
func endless(path, head, filler string) oidc.Spoil {
	return oidc.Spoil{Take: map[string]func(http.ResponseWriter, *http.Request){
		path: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, head)
			for range 4096 {
				if _, err := io.WriteString(w, strings.Repeat(filler, 1024)); err != nil {
					return
				}
			}
		},
	}}
}

func redirect(path, to string) oidc.Spoil {
	return oidc.Spoil{Take: map[string]func(http.ResponseWriter, *http.Request){
		path: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusTemporaryRedirect) },
	}}
}

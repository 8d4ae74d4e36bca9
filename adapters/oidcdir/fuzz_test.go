package oidcdir_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

func FuzzArbitraryTextIsNotALogoutToken(f *testing.F) {
	h := oidc.NewHostile(f)
	d, err := oidcdir.New("corp", oidcdir.Settings{
		Issuer: h.URL, ClientID: oidc.HostileClient, ClientSecret: oidc.HostileSecret, AllowHTTPLoopback: true,
	}, oidcdir.Options{Clock: &clock{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add(h.Signed([]byte(`{}`)))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := d.CheckLogoutToken(t.Context(), token); !errors.Is(err, domain.ErrLogoutToken) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

// For any claims of a token under the right key, an accepted token has exactly the subject, session and token id that
// a strict parser finds.
func FuzzClaimsAreReadByExactName(f *testing.F) {
	h := oidc.NewHostile(f)
	d, err := oidcdir.New("corp", oidcdir.Settings{
		Issuer: h.URL, ClientID: oidc.HostileClient, ClientSecret: oidc.HostileSecret, AllowHTTPLoopback: true,
	}, oidcdir.Options{Clock: &clock{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`"SUB":"admin"`)
	f.Add(`"sub":"admin"`)
	f.Add(`"events":{}`)
	f.Add("\"\\u0073ub\":\"admin\"")
	f.Fuzz(func(t *testing.T, more string) {
		right, err := json.Marshal(h.LogoutClaims())
		if err != nil {
			t.Fatal(err)
		}
		payload := strings.TrimSuffix(string(right), "}") + "," + more + "}"
		logout, err := d.CheckLogoutToken(t.Context(), h.Signed([]byte(payload)))
		if err == nil && (logout.Subject != domain.Subject(h.URL+"#u1") || logout.ProviderSession != "sid-1") {
			t.Errorf("%s names %q %q", payload, logout.Subject, logout.ProviderSession)
		}
	})
}

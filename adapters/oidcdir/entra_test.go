package oidcdir_test

import (
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

const (
	ourTenant   = "11111111-1111-1111-1111-111111111111"
	otherTenant = "22222222-2222-2222-2222-222222222222"
)

// entra makes a hostile provider speak like Entra ID for all tenants.
func entra(h *oidc.Hostile, tenant, issuerTenant, keyIssuer string) oidc.Spoil {
	return oidc.Spoil{
		Metadata: func(m map[string]any) { m["issuer"] = h.URL + "/{tenantid}/v2.0" },
		Claims: func(c map[string]any) {
			c["tid"], c["iss"] = tenant, h.URL+"/"+issuerTenant+"/v2.0"
		},
		Keys: func(h *oidc.Hostile) any {
			data, _ := json.Marshal(jose.JSONWebKey{Key: h.Key.Public(), KeyID: h.KeyID, Use: "sig"})
			var key map[string]any
			_ = json.Unmarshal(data, &key)
			if keyIssuer != "" {
				key["issuer"] = h.URL + keyIssuer
			}
			return map[string]any{"keys": []any{key}}
		},
	}
}

func TestEntraMultiTenantIssuer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tenant, issuer, keyIssuer string
		reason                    string // empty: signs in
	}{
		"an allowed tenant":               {ourTenant, ourTenant, "/{tenantid}/v2.0", ""},
		"keys that name no issuer":        {ourTenant, ourTenant, "", ""},
		"a key of the tenant's own":       {ourTenant, ourTenant, "/" + ourTenant + "/v2.0", ""},
		"another tenant":                  {otherTenant, otherTenant, "/{tenantid}/v2.0", "may not sign in"},
		"an issuer of another tenant":     {ourTenant, otherTenant, "", "issuer"},
		"a tenant claimed over another":   {otherTenant, ourTenant, "", "may not sign in"},
		"no tenant":                       {"", ourTenant, "", "may not sign in"},
		"the form itself":                 {"{tenantid}", "{tenantid}", "", "may not sign in"},
		"a key of another tenant":         {ourTenant, ourTenant, "/" + otherTenant + "/v2.0", "not signed by a key"},
		"a tenant that leads out of path": {ourTenant + "/../x", ourTenant, "", "may not sign in"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(entra(h, test.tenant, test.issuer, test.keyIssuer))
			r := hostileRig(t, h, func(s *oidcdir.Settings) {
				s.Issuer += "/organizations/v2.0"
				s.Entra = oidcdir.Entra{MultiTenant: true, Tenants: []string{ourTenant}}
			})
			result, err := r.signIn(t, "")
			if test.reason != "" {
				wantRefused(t, err, domain.ErrRedirectLogin, test.reason)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := domain.Subject(h.URL + "/" + ourTenant + "/v2.0#u1"); result.Identity.Subject != want {
				t.Errorf("the subject is %q, want %q", result.Identity.Subject, want)
			}
		})
	}
}

func TestEntraMetadataMustBeMultiTenant(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	spoil := entra(h, ourTenant, ourTenant, "")
	spoil.Metadata = func(m map[string]any) { m["issuer"] = "https://evil.example/{tenantid}/v2.0" }
	h.Set(spoil)
	r := hostileRig(t, h, func(s *oidcdir.Settings) {
		s.Issuer += "/organizations/v2.0"
		s.Entra = oidcdir.Entra{MultiTenant: true, Tenants: []string{ourTenant}}
	})
	err := r.signInOrFail(t)
	wantRefused(t, err, domain.ErrDirectoryUnavailable, "issuer")
}

package oidcdir_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

func TestOnlyExplicitMappingsGrantRoles(t *testing.T) {
	t.Parallel()
	roles := []oidcdir.RoleRule{{Value: "app-auditor", Role: "auditor"}, {Value: "app-user", Role: "user"}}
	groups := []oidcdir.GroupRule{
		{Value: "eng", To: "engineering"},
		{Value: "staff", To: "everybody"},
		{Value: "eng-2", To: "engineering"},
		{Value: "7", To: "seven"},
	}
	tests := map[string]struct {
		claims     map[string]any
		names      oidcdir.ClaimNames
		role       domain.RoleID
		groups     []string
		mapsAdmins bool
	}{
		"a claim role: admin is ignored": {
			claims: map[string]any{"role": "admin", "roles": []string{"admin"}, "groups": []string{"admin"}},
		},
		"an array": {
			claims: map[string]any{"groups": []string{"staff", "eng", "eng-2", "other"}},
			groups: []string{"engineering", "everybody"},
		},
		"a text": {claims: map[string]any{"groups": "eng"}, groups: []string{"engineering"}},
		"object keys": {
			claims: map[string]any{"groups": map[string]any{"eng": map[string]any{"org": "x"}}},
			groups: []string{"engineering"},
		},
		"one text, divided": {
			claims: map[string]any{"groups": "staff, eng,,other"}, names: oidcdir.ClaimNames{Separator: ","},
			groups: []string{"engineering", "everybody"},
		},
		"one text, divided at spaces": {
			claims: map[string]any{"groups": "staff  app-auditor"}, names: oidcdir.ClaimNames{Separator: " "},
			role: "auditor", groups: []string{"everybody"},
		},
		"objects": {
			claims: map[string]any{"groups": []any{
				map[string]any{"owner": "x", "name": "eng"}, map[string]any{"value": "staff"},
			}},
			groups: []string{"engineering", "everybody"},
		},
		"one object":     {claims: map[string]any{"groups": map[string]any{"name": "eng"}}, groups: []string{"engineering"}},
		"numbers":        {claims: map[string]any{"groups": []any{7, 1001}}, groups: []string{"seven"}},
		"a number":       {claims: map[string]any{"groups": 7}, groups: []string{"seven"}},
		"empty array":    {claims: map[string]any{"groups": []any{}}},
		"nothing":        {claims: map[string]any{"groups": nil}},
		"another's case": {claims: map[string]any{"groups": []string{"ENG"}}},
		"a path": {
			claims: map[string]any{"realm_access": map[string]any{"roles": []string{"app-user", "app-auditor"}}},
			names:  oidcdir.ClaimNames{Roles: "realm_access.roles"}, role: "auditor",
		},
		"a name with dots": {
			claims: map[string]any{"https://example.org/roles": []string{"app-user"}},
			names:  oidcdir.ClaimNames{Roles: "https://example.org/roles"}, role: "user",
		},
		"a path through a name with dots": {
			claims: map[string]any{"resource_access": map[string]any{
				"app.example.org": map[string]any{"roles": []string{"app-user"}},
			}},
			names: oidcdir.ClaimNames{Roles: "resource_access.app.example.org.roles"}, role: "user",
		},
		"a path through a text": {
			claims: map[string]any{"realm_access": "roles"}, names: oidcdir.ClaimNames{Roles: "realm_access.roles"},
		},
	}
	for name, test := range tests {
		if test.role == "" {
			test.role = "user"
		}
		if test.groups == nil {
			test.groups = []string{}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(oidc.Spoil{Claims: func(c map[string]any) {
				delete(c, "groups")
				maps.Copy(c, test.claims)
			}})
			r := hostileRig(t, h, func(s *oidcdir.Settings) { s.Roles, s.GroupMapping, s.Claims = roles, groups, test.names })
			got := r.mustSignIn(t, "").Identity
			if got.Role != test.role {
				t.Errorf("the role is %q, want %q", got.Role, test.role)
			}
			if diff := cmp.Diff(test.groups, got.MappedGroups); diff != "" {
				t.Error(diff)
			}
			if got.MapsAdministrators {
				t.Error("the mapping may give administrative rights without the switch")
			}
		})
	}
}

func TestAdministratorSettingIsReported(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, func(s *oidcdir.Settings) {
		s.Roles, s.AllowAdmin = []oidcdir.RoleRule{{Value: "staff", Role: "admin"}}, true
	})
	if got := r.mustSignIn(t, "").Identity; got.Role != "admin" || !got.MapsAdministrators {
		t.Errorf("the role is %q, the switch %v", got.Role, got.MapsAdministrators)
	}
}

func TestIdentityIsIssuerAndSubject(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	first := r.mustSignIn(t, "").Identity
	want := domain.Identity{
		Directory: "corp", Subject: domain.Subject(h.URL + "#u1"), Username: "mallory", Email: "mallory@example.org",
		Person: domain.Person{FullName: "Mallory"}, EmailVerified: true,
		Unmapped: []string{"phone_number"}, Groups: []string{"staff"},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	h.Set(oidc.Spoil{Claims: func(c map[string]any) {
		c["preferred_username"], c["email"] = "renamed",
			"other@example.org"
	}})
	if renamed := r.mustSignIn(t, "").Identity; renamed.Subject != first.Subject {
		t.Errorf("a renamed person became %q", renamed.Subject)
	}
	h.Set(claim("sub", "u2"))
	if other := r.mustSignIn(t, "").Identity; other.Subject == first.Subject {
		t.Error("somebody else with the same name and address became the same person")
	}
}

func TestAddressIsVerifiedOnlyByTheProvidersClaim(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		value any
		names oidcdir.ClaimNames
		want  bool
	}{
		"true":                     {value: true, want: true},
		"true as text":             {value: "true", want: true},
		"one as text":              {value: "1", want: true},
		"false":                    {value: false},
		"false as text":            {value: "false"},
		"yes":                      {value: "yes"},
		"nothing":                  {value: nil},
		"a list":                   {value: []any{true}},
		"Entra's claim not chosen": {value: nil, names: oidcdir.ClaimNames{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(oidc.Spoil{Claims: func(c map[string]any) { c["email_verified"], c["xms_edov"] = test.value, true }})
			r := hostileRig(t, h, func(s *oidcdir.Settings) { s.Claims = test.names })
			if got := r.mustSignIn(t, "").Identity.EmailVerified; got != test.want {
				t.Errorf("verified: %v", got)
			}
		})
	}
	h := oidc.NewHostile(t)
	h.Set(oidc.Spoil{Claims: func(c map[string]any) { delete(c, "email_verified"); c["xms_edov"] = "1" }})
	r := hostileRig(t, h, func(s *oidcdir.Settings) { s.Claims.EmailVerified = "xms_edov" })
	if !r.mustSignIn(t, "").Identity.EmailVerified {
		t.Error("Entra's xms_edov was not read")
	}
}

func TestProviderFactorCountsOnlyIfConfigured(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		claims map[string]any
		factor oidcdir.SecondFactor
		want   bool
	}{
		"amr without configuration": {map[string]any{"amr": []string{"mfa"}, "acr": "2"}, oidcdir.SecondFactor{}, false},
		"a configured amr": {
			map[string]any{"amr": []string{"pwd", "mfa"}},
			oidcdir.SecondFactor{AMR: []string{"mfa"}},
			true,
		},
		"another amr": {
			map[string]any{"amr": []string{"pwd"}},
			oidcdir.SecondFactor{AMR: []string{"mfa"}},
			false,
		},
		"a configured acr":          {map[string]any{"acr": "phr"}, oidcdir.SecondFactor{ACR: []string{"phr"}}, true},
		"another acr":               {map[string]any{"acr": "1"}, oidcdir.SecondFactor{ACR: []string{"phr"}}, false},
		"an acr that was asked for": {map[string]any{"acr": "1"}, oidcdir.SecondFactor{RequestACR: []string{"1"}}, false},
		"an acr that is a list": {
			map[string]any{"acr": []string{"phr"}},
			oidcdir.SecondFactor{ACR: []string{"phr"}},
			false,
		},
		"Entra's context": {
			map[string]any{"acrs": []string{"c1"}},
			oidcdir.SecondFactor{ACR: []string{"c1"}},
			true,
		},
		"nothing said":               {nil, oidcdir.SecondFactor{AMR: []string{"mfa"}, ACR: []string{"phr"}}, false},
		"an empty acr is configured": {map[string]any{"acr": ""}, oidcdir.SecondFactor{ACR: []string{""}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(oidc.Spoil{
				Claims: func(c map[string]any) {
					maps.Copy(c, test.claims)
				},
				// What user information says is not about this sign-in.
				UserInfo: func(info map[string]any) { info["amr"], info["acr"] = []string{"mfa"}, "phr" },
			})
			r := hostileRig(t, h, func(s *oidcdir.Settings) { s.SecondFactor, s.UserInfo = test.factor, "always" })
			if got := r.mustSignIn(t, "").Identity.SecondFactor; got != test.want {
				t.Errorf("counts: %v", got)
			}
		})
	}
}

func TestUserInfo_fills_what_the_ID_token_lacks(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	h.Set(without("name"))
	r := hostileRig(t, h, func(s *oidcdir.Settings) { s.UserInfo = "" })
	got := r.mustSignIn(t, "").Identity
	if got.FullName != "From UserInfo" {
		t.Errorf("the name is %q", got.FullName)
	}
	if diff := cmp.Diff([]string{"staff"}, got.Groups); diff != "" {
		t.Errorf("what the ID token says must win: %s", diff)
	}
	h.Set(oidc.Spoil{})
	before := h.Hits("/userinfo")
	r.mustSignIn(t, "")
	if h.Hits("/userinfo") != before {
		t.Error("user information was fetched though nothing was missing")
	}
}

// TestUserInfo_is_asked_for_a_requested_phone_number covers a number that would be removed as one that the user no
// longer has.
func TestUserInfo_is_asked_for_a_requested_phone_number(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	h.Set(oidc.Spoil{UserInfo: func(info map[string]any) { info["phone_number"] = "+420123456789" }})
	r := hostileRig(t, h, func(s *oidcdir.Settings) {
		s.UserInfo, s.Scopes = "", []string{"openid", "email", "profile", "phone"}
	})
	if got := r.mustSignIn(t, "").Identity; got.PhoneNumber != "+420123456789" {
		t.Errorf("the number is %q", got.PhoneNumber)
	}
}

func TestUserInfo_verifies_its_own_address_only(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"mallory@example.org": true, "other@example.org": false} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			spoil := without("email_verified")
			spoil.UserInfo = func(info map[string]any) { info["email"], info["email_verified"] = address, true }
			h.Set(spoil)
			r := hostileRig(t, h, func(s *oidcdir.Settings) { s.UserInfo = "always" })
			if got := r.mustSignIn(t, "").Identity; got.Email != "mallory@example.org" || got.EmailVerified != want {
				t.Errorf("the address is %q, verified %t", got.Email, got.EmailVerified)
			}
		})
	}
}

func TestNoUsernameIsAnAddressThatTheProviderHasNotVerified(t *testing.T) {
	t.Parallel()
	const address = "mallory@example.org"
	for name, test := range map[string]struct {
		claims   map[string]any // nil values are left out
		username string         // the setting
		want     string
	}{
		"a name of its own":                {map[string]any{"email_verified": false}, "", "mallory"},
		"a verified address":               {map[string]any{"preferred_username": nil}, "", address},
		"an address that is not verified":  {map[string]any{"preferred_username": nil, "email_verified": false}, "", "u1"},
		"nothing said of the address":      {map[string]any{"preferred_username": nil, "email_verified": nil}, "", "u1"},
		"the address chosen and verified":  {nil, "email", address},
		"the address chosen, not verified": {map[string]any{"email_verified": false}, "email", "u1"},
		"an id that is the address": {map[string]any{
			"preferred_username": nil, "email_verified": false,
			"sub": address,
		}, "", ""},
		"another claim chosen":              {map[string]any{"nickname": "mal", "email_verified": false}, "nickname", "mal"},
		"another claim chosen, not present": {nil, "nickname", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(oidc.Spoil{Claims: func(c map[string]any) {
				for key, value := range test.claims {
					if c[key] = value; value == nil {
						delete(c, key)
					}
				}
			}})
			r := hostileRig(t, h, func(s *oidcdir.Settings) { s.Claims.Username = test.username })
			got := r.mustSignIn(t, "").Identity
			if got.Username != test.want {
				t.Errorf("the username is %q, want %q", got.Username, test.want)
			}
			if got.Email != address {
				t.Errorf("the address is %q", got.Email) // it stays, as what it is
			}
		})
	}
}

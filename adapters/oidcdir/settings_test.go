package oidcdir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

func fields(err error) []string {
	if err == nil {
		return nil
	}
	var names []string
	for _, detail := range fault.Of(err).Details() {
		names = append(names, detail.Field)
	}
	return names
}

func TestNew_names_each_mistake(t *testing.T) {
	t.Parallel()
	right := oidcdir.Settings{Issuer: "https://login.example.org", ClientID: "web", ClientSecret: "secret"}
	tests := map[string]struct {
		change func(*oidcdir.Settings)
		want   []string
	}{
		"nothing wrong":            {func(*oidcdir.Settings) {}, nil},
		"nothing there":            {func(s *oidcdir.Settings) { *s = oidcdir.Settings{} }, []string{"issuer", "client_id"}},
		"an issuer over http":      {func(s *oidcdir.Settings) { s.Issuer = "http://login.example.org" }, []string{"issuer"}},
		"http loopback unswitched": {func(s *oidcdir.Settings) { s.Issuer = "http://localhost:8000" }, []string{"issuer"}},
		"http loopback switched": {func(s *oidcdir.Settings) {
			s.Issuer, s.AllowHTTPLoopback = "http://localhost:8000",
				true
		}, nil},
		"http elsewhere although loopback is switched": {
			func(s *oidcdir.Settings) { s.Issuer, s.AllowHTTPLoopback = "http://localhost.example.org", true },
			[]string{"issuer"},
		},
		"an issuer with a query": {func(s *oidcdir.Settings) { s.Issuer += "?a=b" }, []string{"issuer"}},
		"an issuer with a name": {
			func(s *oidcdir.Settings) { s.Issuer = "https://a:b@login.example.org" },
			[]string{"issuer"},
		},
		"an issuer that is no URL": {func(s *oidcdir.Settings) { s.Issuer = "login.example.org" }, []string{"issuer"}},
		"all tenants unswitched": {
			func(s *oidcdir.Settings) { s.Issuer += "/common/v2.0" },
			[]string{"entra.multi_tenant"},
		},
		"all tenants of another": {
			func(s *oidcdir.Settings) { s.Entra = oidcdir.Entra{MultiTenant: true} },
			[]string{"issuer", "entra.tenants"},
		},
		"tenants without the switch": {
			func(s *oidcdir.Settings) { s.Entra.Tenants = []string{"x"} },
			[]string{"entra.tenants", "entra.tenants[0]"},
		},
		"two secrets":    {func(s *oidcdir.Settings) { s.ClientSecretFile = "x" }, []string{"client_secret_file"}},
		"an unknown way": {func(s *oidcdir.Settings) { s.ClientAuth = "jwt" }, []string{"client_auth"}},
		"a way without a secret": {
			func(s *oidcdir.Settings) { s.ClientAuth, s.ClientSecret = "post", "" },
			[]string{"client_secret"},
		},
		"no way with a secret": {func(s *oidcdir.Settings) { s.ClientAuth = "none" }, []string{"client_auth"}},
		"symmetric algorithms": {
			func(s *oidcdir.Settings) { s.Algorithms = []string{"HS256", "RS256", "none"} },
			[]string{"algorithms[0]", "algorithms[2]"},
		},
		"no openid": {func(s *oidcdir.Settings) { s.Scopes = []string{"email"} }, []string{"scopes"}},
		"two scopes in one": {
			func(s *oidcdir.Settings) { s.Scopes = []string{"openid", "a b"} },
			[]string{"scopes[1]"},
		},
		"offline access as a scope": {
			func(s *oidcdir.Settings) { s.Scopes = []string{"openid", "offline_access"} },
			[]string{"scopes"},
		},
		"own parameters": {
			func(s *oidcdir.Settings) { s.AuthorizeParams = map[string]string{"nonce": "x"} },
			[]string{"authorize_params.nonce"},
		},
		"unknown words": {
			func(s *oidcdir.Settings) { s.Prompt, s.UserInfo = "x", "y" },
			[]string{"prompt", "userinfo"},
		},
		"a proxy that is none": {func(s *oidcdir.Settings) { s.ProxyURL = "socks" }, []string{"proxy_url"}},
		"suffixes": {
			func(s *oidcdir.Settings) { s.Suffixes = []string{"Example.org", "a@b.c", "ok.example"} },
			[]string{"suffixes[0]", "suffixes[1]"},
		},
		"an empty requirement": {
			func(s *oidcdir.Settings) { s.RequiredClaims = []oidcdir.ClaimRequirement{{Claim: "hd"}} },
			[]string{"required_claims[0]"},
		},
		"wrong rules": {func(s *oidcdir.Settings) {
			s.Roles = []oidcdir.RoleRule{{Role: "user"}, {Value: "x", Role: "Not A Role"}}
			s.GroupMapping = []oidcdir.GroupRule{{Value: "x"}}
		}, []string{"roles[0].value", "roles[1].role", "group_mapping[0]"}},
		"times": {func(s *oidcdir.Settings) {
			s.Timeout, s.ClockSkew, s.KeysRefresh, s.MaxAge = time.Hour, time.Hour, time.Second, -1
		}, []string{"timeout", "keys_refresh", "clock_skew", "max_age"}},
		"a secret file that is not there": {func(s *oidcdir.Settings) {
			s.ClientSecret, s.ClientSecretFile = "",
				"/does/not/exist"
		}, []string{"client_secret_file"}},
		"an authority that is not there": {func(s *oidcdir.Settings) { s.CAFile = "/does/not/exist" }, []string{"ca_file"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := right
			test.change(&settings)
			_, err := oidcdir.New("corp", settings, oidcdir.Options{Clock: &clock{}})
			if diff := cmp.Diff(test.want, fields(err)); diff != "" {
				t.Errorf("%v: %s", err, diff)
			}
			if err != nil && (!errors.Is(err, fault.ErrInvalid) || strings.Contains(err.Error(), "secret\"")) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAdministrativeRolesRequireTheSetting(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"admin", "sudo"} {
		settings := oidcdir.Settings{
			Issuer: "https://login.example.org", ClientID: "web",
			Roles: []oidcdir.RoleRule{{Value: "x", Role: role}},
		}
		_, err := oidcdir.New("corp", settings, oidcdir.Options{Clock: &clock{}})
		if diff := cmp.Diff([]string{"roles[0].role"}, fields(err)); diff != "" {
			t.Errorf("%s: %s", role, diff)
		}
		settings.AllowAdmin = true
		if _, err = oidcdir.New("corp", settings, oidcdir.Options{Clock: &clock{}}); err != nil {
			t.Errorf("%s with the switch: %v", role, err)
		}
	}
}

func TestFactory_hands_on_what_decoding_says(t *testing.T) {
	t.Parallel()
	factory := oidcdir.Factory(oidcdir.Options{Clock: &clock{}})
	if factory.Type != "oidc" {
		t.Errorf("the type is %q", factory.Type)
	}
	unknown := errors.New("unknown key")
	if _, err := factory.Open("corp", func(any) error { return unknown }); !errors.Is(err, unknown) {
		t.Errorf("got %v", err)
	}
	directory, err := factory.Open("corp", func(into any) error {
		settings, ok := into.(*oidcdir.Settings)
		if !ok {
			return errors.New("another type")
		}
		*settings = oidcdir.Settings{
			Issuer: "https://login.example.org", ClientID: "web", JustInTime: true, Suffixes: []string{"example.org"},
			Trusted: true,
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d, ok := directory.(*oidcdir.Directory)
	if !ok || d.ID() != domain.DirectoryID("corp") || !d.JustInTime() || !d.LinksByEmail() || d.DisplayName() != "corp" ||
		d.Suffixes()[0] != "example.org" || d.Type() != "oidc" {
		t.Error("the directory does not return what was configured")
	}
}

func TestClientSecretFile_is_read_without_its_line_feed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, func(s *oidcdir.Settings) {
		s.ClientSecret, s.ClientSecretFile, s.ClientAuth = "", file,
			"post"
	})
	r.mustSignIn(t, "")
	if got := h.LastTokenRequest().Get("client_secret"); got != "s3cret" {
		t.Errorf("the secret sent is %q", got)
	}
}

// The password grant would have people type their provider's password here (RFC 9700 section 2.4).
func TestProvidersVerifyNoPasswords(t *testing.T) {
	t.Parallel()
	d, err := oidcdir.New("corp", oidcdir.Settings{Issuer: "https://login.example.org", ClientID: "web"},
		oidcdir.Options{Clock: &clock{}})
	if err != nil {
		t.Fatal(err)
	}
	var directory ports.Directory = d
	if _, ok := directory.(ports.PasswordVerifier); ok {
		t.Error("a provider checks passwords")
	}
}

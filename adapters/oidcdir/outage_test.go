package oidcdir_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

const discoveryPath = "/.well-known/openid-configuration"

func TestInvalidDiscoveryIsAnOutage(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) oidc.Spoil {
		return oidc.Spoil{Metadata: func(m map[string]any) { m[name] = value }}
	}
	tests := map[string]struct {
		spoil  oidc.Spoil
		reason string
	}{
		"another issuer": {set("issuer", "https://evil.example"), "did not match the issuer"},
		"no issuer": {
			oidc.Spoil{Metadata: func(m map[string]any) { delete(m, "issuer") }},
			"did not match the issuer",
		},
		"no token endpoint":           {set("token_endpoint", ""), "token_endpoint"},
		"a plain http token endpoint": {set("token_endpoint", "http://provider.example/token"), "https"},
		"a key set in a file":         {set("jwks_uri", "file:///etc/passwd"), "jwks_uri"},
		"an authorization script": {
			set("authorization_endpoint", "javascript:alert(1)"),
			"authorization_endpoint",
		},
		"an end of session over plain http": {
			set("end_session_endpoint", "http://provider.example/bye"),
			"end_session_endpoint",
		},
		"no authorization code flow":         {set("response_types_supported", []string{"id_token"}), "code flow"},
		"plain PKCE alone":                   {set("code_challenge_methods_supported", []string{"plain"}), "S256"},
		"pushed requests demanded":           {set("require_pushed_authorization_requests", true), "pushed"},
		"a web page":                         {taken(discoveryPath, http.StatusOK, "<html>"), "decode"},
		"an error":                           {taken(discoveryPath, http.StatusInternalServerError, "oops"), "500"},
		"more than 1 MiB":                    {endless(discoveryPath, `{"issuer":"`, "x"), "1 MiB"},
		"a redirect":                         {redirect(discoveryPath, "/elsewhere"), "redirect"},
		"a key set at a link-local address":  {set("jwks_uri", "https://169.254.169.254/keys"), ""},
		"a key set with a name and password": {set("jwks_uri", "https://a:b@provider.example/keys"), "user name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(test.spoil)
			err := hostileRig(t, h, nil).signInOrFail(t)
			wantRefused(t, err, domain.ErrDirectoryUnavailable, test.reason)
			if h.Hits("/elsewhere") != 0 {
				t.Error("a redirect was followed")
			}
		})
	}
}

// signInOrFail is signIn for providers with which the start itself may fail.
func (r *rig) signInOrFail(t *testing.T) error {
	t.Helper()
	start, err := r.Start(t.Context(), ports.RedirectRequest{State: state, Callback: callback})
	if err != nil {
		return err
	}
	_, err = r.Finish(t.Context(), start.Flow, r.visit(t, start.URL))
	return err
}

func TestInvalidTokenEndpointIsAnOutage(t *testing.T) {
	t.Parallel()
	tests := map[string]oidc.Spoil{
		"an error":                    taken("/token", http.StatusInternalServerError, `{"error":"server_error"}`),
		"too many requests":           taken("/token", http.StatusTooManyRequests, `{"error":"slow_down"}`),
		"a bad request without why":   taken("/token", http.StatusBadRequest, `<html>`),
		"a web page":                  taken("/token", http.StatusOK, `<html>`),
		"no access token":             taken("/token", http.StatusOK, `{}`),
		"more than 1 MiB":             endless("/token", `{"access_token":"`, "x"),
		"a redirect":                  redirect("/token", "/elsewhere"),
		"a refused client":            taken("/token", http.StatusUnauthorized, `{"error":"invalid_client"}`),
		"a server error was revealed": taken("/token", http.StatusBadRequest, `{"error":"temporarily_unavailable"}`),
		"a cut connection": {Take: map[string]func(http.ResponseWriter,
			*http.Request){"/token": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(spoil)
			_, err := hostileRig(t, h, nil).signIn(t, "")
			if !errors.Is(err, domain.ErrDirectoryUnavailable) {
				t.Errorf("got %v", err)
			}
			if h.Hits("/elsewhere") != 0 {
				t.Error("a redirect was followed: the secret went there")
			}
		})
	}
}

func TestUnreachableProviderIsAnOutageWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	drip := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	}))
	t.Cleanup(drip.Close)
	for name, address := range map[string]string{
		"silent":               silent.Addr().String(),
		"not listening":        closed.Addr().String(),
		"sending drop by drop": drip.Listener.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// With the default time limit: this is the promise of the product.
			r := newRig(t, oidcdir.Settings{Issuer: "http://" + address, ClientID: "web"})
			began := time.Now()
			_, err := r.Start(t.Context(), ports.RedirectRequest{State: state, Callback: callback})
			// the limit is four; the machine may be busy
			if took := time.Since(began); !errors.Is(err, domain.ErrDirectoryUnavailable) || took > 20*time.Second {
				t.Errorf("got %v after %s", err, took)
			}
		})
	}
}

func TestBreakerOpensAndRecovers(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	h.Set(taken(discoveryPath, http.StatusInternalServerError, "oops"))
	r := hostileRig(t, h, func(s *oidcdir.Settings) { s.BreakerReset = 100 * time.Millisecond })
	for range 50 {
		r.clock.advance(3 * time.Second) // past the rest between two fetches: what stops the requests is the breaker
		if err := r.signInOrFail(t); !errors.Is(err, domain.ErrDirectoryUnavailable) {
			t.Fatalf("got %v", err)
		}
	}
	if got := h.Hits(discoveryPath); got < 5 || got > 20 {
		t.Errorf("50 starts made %d requests", got)
	}
	h.Set(oidc.Spoil{})
	for deadline := time.Now().Add(10 * time.Second); ; {
		r.clock.advance(3 * time.Second)
		if _, err := r.Start(t.Context(), ports.RedirectRequest{State: state, Callback: callback}); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the provider is well and still left alone")
		}
	}
}

// Keycloak sends temporarily_unavailable when a login page was left open too long, and anybody can write such a
// callback.
func TestErrorsThatABrowserCarriesAreNoOutage(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"temporarily_unavailable": domain.ErrDirectoryUnavailable, "server_error": domain.ErrDirectoryUnavailable,
		"access_denied": domain.ErrRedirectLogin,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			r := hostileRig(t, h, func(s *oidcdir.Settings) { s.BreakerReset = 10 * time.Minute })
			fromBrowser := func() {
				start := r.start(t, "")
				back := domain.RedirectCallback{State: state, Error: code, ErrorDescription: "authentication_expired"}
				if _, err := r.Finish(t.Context(), start.Flow, back); !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			}
			for range 20 {
				fromBrowser()
			}
			r.mustSignIn(t, "")
		})
	}
}

func TestErrorsThatABrowserCarriesHideNoOutage(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	h.Set(refreshAnswer(nil))
	r := hostileRig(t, h, func(s *oidcdir.Settings) { offline(s); s.BreakerReset = 10 * time.Minute })
	grant, start := r.mustSignIn(t, "").Grant, r.start(t, "")
	h.Set(taken("/token", http.StatusInternalServerError, "oops"))
	before := h.Hits("/token")
	for range 20 {
		if _, err := r.Refresh(t.Context(), grant); !errors.Is(err, domain.ErrDirectoryUnavailable) {
			t.Errorf("a refresh: %v", err)
		}
		back := domain.RedirectCallback{State: state, Error: "access_denied"}
		if _, err := r.Finish(t.Context(), start.Flow, back); err == nil {
			t.Error("a refused sign-in succeeded")
		}
	}
	if asked := h.Hits("/token") - before; asked != 5 {
		t.Errorf("a provider that was down was asked %d times, want 5", asked)
	}
}

func TestCachedMetadataSurvivesADiscoveryOutage(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	r.mustSignIn(t, "")
	for range 10 {
		r.start(t, "")
	}
	if got := h.Hits(discoveryPath); got != 1 {
		t.Errorf("discovery was read %d times", got)
	}
	h.Set(taken(discoveryPath, http.StatusInternalServerError, "oops"))
	r.clock.advance(2 * time.Hour)
	r.start(t, "")
	if got := h.Hits(discoveryPath); got != 2 {
		t.Errorf("old metadata was asked for again %d times, want once", got-1)
	}
}

// A disconnected browser must not open the breaker for other users, nor cancel the shared request, which serves the
// next one.
func TestDisconnectedBrowserIsNotAnOutage(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	release := make(chan struct{})
	h.Set(oidc.Spoil{Take: map[string]func(http.ResponseWriter,
		*http.Request){discoveryPath: func(w http.ResponseWriter, req *http.Request) {
		<-release
		answer, err := http.Get(h.URL + req.URL.Path) // the provider itself, which is no longer held up
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		_, _ = io.Copy(w, answer.Body)
	}}})
	ctx, cancel := contextWithCancel(t)
	cancel()
	for range 10 {
		if _, err := r.Start(ctx, ports.RedirectRequest{State: state, Callback: callback}); !errors.Is(err,
			domain.ErrDirectoryUnavailable) {
			t.Errorf("got %v", err)
		}
	}
	h.Set(oidc.Spoil{})
	close(release)
	r.mustSignIn(t, "")
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	for name, issuer := range map[string]string{
		"this machine":        "https://127.0.0.1:9",
		"by its name":         "https://localhost:9",
		"by IPv6":             "https://[::1]:9",
		"mapped into IPv6":    "https://[::ffff:127.0.0.1]:9",
		"a private network":   "https://10.0.0.1:9",
		"link-local metadata": "https://169.254.169.254",
		"shared space":        "https://100.64.0.1:9",
		"unspecified":         "https://0.0.0.0:9",
		"unique local":        "https://[fd00::1]:9",
		"NAT64":               "https://[64:ff9b::7f00:1]:9",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := oidcdir.New("corp", oidcdir.Settings{Issuer: issuer, ClientID: "web"}, oidcdir.Options{Clock: &clock{}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = d.Start(t.Context(), ports.RedirectRequest{State: state, Callback: callback})
			wantRefused(t, err, domain.ErrDirectoryUnavailable, "is private")
		})
	}
}

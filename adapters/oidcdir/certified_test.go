package oidcdir_test

import (
	"cmp"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

func certified(t *testing.T, options oidc.Options, change func(*oidcdir.Settings)) (*oidc.Provider, *rig) {
	t.Helper()
	options.Redirects = []string{callback}
	op := oidc.Start(t, options)
	return op, certifiedRig(t, op, change)
}

// certifiedRig returns a directory of a provider that runs.
func certifiedRig(t *testing.T, op *oidc.Provider, change func(*oidcdir.Settings)) *rig {
	t.Helper()
	settings := oidcdir.Settings{
		Timeout: patience, Issuer: op.Issuer, ClientID: "web", ClientSecret: "web-secret",
		Scopes:       []string{"openid", "profile", "email", "groups"},
		GroupMapping: []oidcdir.GroupRule{{Value: "eng", To: "engineering"}},
	}
	if change != nil {
		change(&settings)
	}
	return newRig(t, settings)
}

func TestCertified_sign_in(t *testing.T) {
	t.Parallel()
	redirects := []string{callback}
	full, lean := oidc.Start(t, oidc.Options{Redirects: redirects}), oidc.Start(t,
		oidc.Options{Redirects: redirects, LeanIDToken: true})
	for name, test := range map[string]struct {
		op     *oidc.Provider
		change func(*oidcdir.Settings)
	}{
		"with claims in the ID token": {},
		"with claims in userinfo":     {op: lean},
		"with ES256": {change: func(s *oidcdir.Settings) {
			s.ClientID, s.ClientSecret = "web-es",
				"web-es-secret"
		}},
		"with the secret in the body": {change: func(s *oidcdir.Settings) {
			s.ClientID, s.ClientSecret, s.ClientAuth = "web-post", "web-post-secret", "post"
		}},
		"as a public client":             {change: func(s *oidcdir.Settings) { s.ClientID, s.ClientSecret = "spa", "" }},
		"with max_age":                   {change: func(s *oidcdir.Settings) { s.MaxAge = time.Hour }},
		"with a refresh token asked for": {change: offline},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := cmp.Or(test.op, full)
			r := certifiedRig(t, op, test.change)
			result := r.mustSignIn(t, "alice")
			want := domain.Identity{
				Directory: "corp", Subject: domain.Subject(op.Issuer + "#u-alice"), Username: "alice", Email: "alice@example.org",
				Person: domain.Person{FullName: "Alice Archer"}, EmailVerified: true,
				Unmapped: []string{"phone_number"}, Groups: []string{"staff", "eng"},
				MappedGroups: []string{"engineering"},
			}
			if diff := gocmp.Diff(want, result.Identity); diff != "" {
				t.Error(diff)
			}
			if result.IDToken == "" {
				t.Error("the ID token is missing")
			}
		})
	}
}

func TestCertifiedCodeWorksOnceWithItsVerifier(t *testing.T) {
	t.Parallel()
	_, r := certified(t, oidc.Options{}, nil)
	start := r.start(t, "alice")
	back := r.visit(t, start.URL)
	stolen := start.Flow
	stolen.Verifier = r.start(t, "").Flow.Verifier
	_, err := r.Finish(t.Context(), stolen, back)
	wantRefused(t, err, domain.ErrRedirectLogin, "invalid_grant")
	if _, err = r.Finish(t.Context(), start.Flow, back); err != nil {
		t.Fatal(err)
	}
	_, err = r.Finish(t.Context(), start.Flow, back)
	wantRefused(t, err, domain.ErrRedirectLogin, "invalid_grant")
}

func TestCertified_a_person_who_says_no_is_refused(t *testing.T) {
	t.Parallel()
	_, r := certified(t, oidc.Options{}, nil)
	_, err := r.signIn(t, "deny")
	wantRefused(t, err, domain.ErrRedirectLogin, "access_denied")
}

func TestCertifiedKeyRotation(t *testing.T) {
	t.Parallel()
	op, r := certified(t, oidc.Options{}, nil)
	r.mustSignIn(t, "alice")
	for _, drop := range []bool{false, true} {
		op.RotateKeys(t, drop)
		r.clock.advance(11 * time.Second)
		r.mustSignIn(t, "alice")
	}
}

func TestCertified_refresh_rotates_and_ends_with_the_account(t *testing.T) {
	t.Parallel()
	op, r := certified(t, oidc.Options{}, offline)
	first := r.mustSignIn(t, "alice").Grant
	if first == "" {
		t.Fatal("no grant was given")
	}
	second, err := r.Refresh(t.Context(), first)
	if err != nil || second == first {
		t.Fatalf("the first refresh: %v", err)
	}
	if second, err = r.Refresh(t.Context(), second); err != nil {
		t.Fatalf("the second refresh: %v", err)
	}
	op.SetUser(t, "alice", map[string]any{"gone": true})
	if _, err = r.Refresh(t.Context(), second); !errors.Is(err, domain.ErrProviderSessionEnded) {
		t.Errorf("with the account gone: %v", err)
	}
}

func TestCertified_refresh_reuse_ends_the_session(t *testing.T) {
	t.Parallel()
	_, r := certified(t, oidc.Options{}, offline)
	first := r.mustSignIn(t, "alice").Grant
	second, err := r.Refresh(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	// In this order: it is the reuse of the old grant that makes the provider take back its successor too.
	for _, grant := range []struct{ name, value string }{{"the old grant", first}, {"its successor", second}} {
		if _, err := r.Refresh(t.Context(), grant.value); !errors.Is(err, domain.ErrProviderSessionEnded) {
			t.Errorf("%s: %v", grant.name, err)
		}
	}
}

func TestCertified_refresh_keeps_the_new_grant_of_an_uncheckable_token(t *testing.T) {
	t.Parallel()
	op, r := certified(t, oidc.Options{}, offline)
	slip := certifiedRig(t, op, func(s *oidcdir.Settings) {
		offline(s)
		s.Algorithms = []string{"ES256"} // the provider signs with RS256
	})
	next, err := slip.Refresh(t.Context(), r.mustSignIn(t, "alice").Grant)
	if !errors.Is(err, domain.ErrDirectoryUnavailable) || next == "" {
		t.Fatalf("with a slip in the algorithms: %q, %v", next, err)
	}
	if _, err = r.Refresh(t.Context(), next); err != nil {
		t.Errorf("after the slip was mended: %v", err)
	}
}

func TestCertifiedOutageAndRecovery(t *testing.T) {
	t.Parallel()
	op, r := certified(t, oidc.Options{}, func(s *oidcdir.Settings) {
		offline(s)
		s.Timeout = 3 * time.Second
		s.BreakerReset = 50 * time.Millisecond
	})
	result := r.mustSignIn(t, "alice")
	start := r.start(t, "alice")
	back := r.visit(t, start.URL)
	op.Pause(t)
	if _, err := r.Finish(t.Context(), start.Flow, back); !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("a sign-in: %v", err)
	}
	if _, err := r.Refresh(t.Context(), result.Grant); !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("a refresh: %v", err)
	}
	op.Resume(t)
	for deadline := time.Now().Add(20 * time.Second); ; {
		again, err := r.Start(t.Context(), ports.RedirectRequest{State: state, Callback: callback, LoginHint: "bob"})
		if err == nil {
			if _, err = r.Finish(t.Context(), again.Flow, r.visit(t, again.URL)); err == nil {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the provider is back and still: %v", err)
		}
	}
}

var logoutForm = regexp.MustCompile(`action="([^"]+)"[^>]*>\s*<input type="hidden" name="xsrf" value="([^"]+)"`)

func TestCertified_logout_there_and_back_channel_here(t *testing.T) {
	t.Parallel()
	tokens := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		tokens <- req.PostFormValue("logout_token")
	}))
	t.Cleanup(receiver.Close)
	bye := "http://localhost:1/bye"
	op, r := certified(t, oidc.Options{BackChannel: receiver.URL, PostLogout: []string{bye}}, nil)
	result := r.mustSignIn(t, "alice")
	address, err := r.LogoutURL(t.Context(), result.IDToken, bye, "st-1")
	if err != nil {
		t.Fatal(err)
	}
	form := logoutForm.FindStringSubmatch(r.browser.Page(t, address))
	if form == nil {
		t.Fatal("the provider shows no logout form")
	}
	r.browser.StopAt(bye)
	if got := r.browser.Submit(t, form[1], url.Values{"xsrf": {form[2]}, "logout": {"yes"}}).Get("state"); got != "st-1" {
		t.Errorf("the state came back as %q", got)
	}
	logout, err := r.CheckLogoutToken(t.Context(), <-tokens)
	if err != nil {
		t.Fatal(err)
	}
	if logout.Subject != result.Identity.Subject || logout.ProviderSession != result.ProviderSession ||
		logout.TokenID == "" {
		t.Errorf("the logout is of %q %q, the sign-in of %q %q", logout.Subject, logout.ProviderSession,
			result.Identity.Subject, result.ProviderSession)
	}
	if calls := op.BackChannelCalls(t); len(calls) != 1 || !calls[0].OK {
		t.Errorf("the provider's calls: %+v", calls)
	}
}

func TestCertifiedFreshSignIn(t *testing.T) {
	t.Parallel()
	_, r := certified(t, oidc.Options{}, nil)
	r.mustSignIn(t, "alice")
	start, err := r.Start(t.Context(), ports.RedirectRequest{
		State: state, Callback: callback, LoginHint: "alice",
		Fresh: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	result, err := r.Finish(t.Context(), start.Flow, r.visit(t, start.URL))
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(result.AuthTime); age > time.Minute {
		t.Errorf("signed in %s ago", age)
	}
}

func TestOldProviderSessionIsNotAFreshSignIn(t *testing.T) {
	t.Parallel()
	h := oidc.NewHostile(t)
	r := hostileRig(t, h, nil)
	for name, spoil := range map[string]oidc.Spoil{
		"longer than": claim("auth_time", time.Now().Add(-time.Hour).Unix()),
		"auth_time":   {},
	} {
		h.Set(spoil)
		start, err := r.Start(t.Context(), ports.RedirectRequest{State: state, Callback: callback, Fresh: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Finish(t.Context(), start.Flow, r.visit(t, start.URL))
		wantRefused(t, err, domain.ErrRedirectLogin, name)
	}
}

package sso_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
	"github.com/ostiary/ostiary/test/kit"
)

// logoutToken returns a right logout token with the change made.
func (r *rig) logoutToken(t *testing.T, change func(c map[string]any)) string {
	t.Helper()
	claims := r.provider.LogoutClaims()
	if change != nil {
		change(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return r.provider.Signed(payload)
}

// as signs somebody in with this subject and session at the provider.
func (r *rig) as(t *testing.T, subject, session string) auth.SignedIn {
	t.Helper()
	r.claims(func(c map[string]any) {
		c["sub"], c["sid"], c["preferred_username"], c["email"] = subject, session, subject, nil
	})
	return r.signIn(t)
}

func TestBackChannelLogout_ends_exactly_the_right_sessions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(c map[string]any)
		want   map[string]bool // of u1/a, u1/b, u2/c: whether it lives
	}{
		"a session of a subject": {func(c map[string]any) { c["sub"], c["sid"] = "u1", "a" }, map[string]bool{"u1/b": true, "u2/c": true}},
		"a session alone":        {func(c map[string]any) { delete(c, "sub"); c["sid"] = "a" }, map[string]bool{"u1/b": true, "u2/c": true}},
		"all of a subject":       {func(c map[string]any) { c["sub"] = "u1"; delete(c, "sid") }, map[string]bool{"u2/c": true}},
		"another's session":      {func(c map[string]any) { c["sub"], c["sid"] = "u2", "a" }, map[string]bool{"u1/a": true, "u1/b": true, "u2/c": true}},
		"nobody's session":       {func(c map[string]any) { c["sub"], c["sid"] = "u9", "z" }, map[string]bool{"u1/a": true, "u1/b": true, "u2/c": true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			sessions := map[string]auth.SignedIn{"u1/a": r.as(t, "u1", "a"), "u1/b": r.as(t, "u1", "b"), "u2/c": r.as(t, "u2", "c")}
			if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", r.logoutToken(t, test.change)); err != nil {
				t.Fatal(err)
			}
			for which, signedIn := range sessions {
				if r.isLive(t, signedIn) != test.want[which] {
					t.Errorf("%s lives: %v", which, !test.want[which])
				}
			}
		})
	}
}

func TestBackChannelLogout_takes_each_token_once(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	token := r.logoutToken(t, nil)
	if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", token); err != nil {
		t.Fatal(err)
	}
	r.Clock.Forward(time.Second)
	after := r.signIn(t)
	if err := r.over().BackChannelLogout(t.Context(), someone(), "corp", token); !errors.Is(err, domain.ErrLogoutToken) {
		t.Errorf("the same token: %v", err)
	}
	if !r.isLive(t, after) {
		t.Error("a replayed token ended a session that began after it")
	}
	if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", "nonsense"); !errors.Is(err, domain.ErrLogoutToken) {
		t.Errorf("nonsense: %v", err)
	}
	for _, id := range []domain.DirectoryID{"nowhere", "local"} {
		if err := r.SSO.BackChannelLogout(t.Context(), someone(), id, token); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("at %s: %v", id, err)
		}
	}
}

func TestBackChannelLogout_reaches_a_sign_in_that_is_under_way(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	code := r.code(t)
	r.Clock.Forward(time.Second)
	if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", r.logoutToken(t, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("a code from before the logout: %v", err)
	}
	r.Clock.Forward(time.Second)
	r.signIn(t)
}

func TestBackChannelLogout_is_in_the_audit_trail(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	signedIn := r.signIn(t)
	if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", r.logoutToken(t, nil)); err != nil {
		t.Fatal(err)
	}
	got := r.Logged(t, domain.ActionSessionRevoke)
	if len(got) != 1 || got[0].Details["reason"] != "provider_logout" || got[0].Target != string(signedIn.User.ID) || got[0].UserID != "system" {
		t.Errorf("the audit trail says %v", got)
	}
}

func TestLogout_ends_the_session_and_leads_to_the_provider(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	signedIn := r.signIn(t)
	in := sso.LogoutInput{Bearer: signedIn.Tokens.Access, ReturnTo: kit.AppByeURL, State: "st"}
	evil := in
	evil.ReturnTo = "https://evil.example/"
	if _, err := r.SSO.Logout(t.Context(), someone(), evil); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("to an address that is not listed: %v", err)
	}
	address, err := r.SSO.Logout(t.Context(), someone(), in)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, r.provider.URL+"/bye?") || !strings.HasPrefix(u.Query().Get("id_token_hint"), "eyJ") ||
		u.Query().Get("post_logout_redirect_uri") != in.ReturnTo || u.Query().Get("state") != "st" {
		t.Errorf("led to %s", address)
	}
	if r.isLive(t, signedIn) {
		t.Error("the session lives on")
	}
	if address, err = r.SSO.Logout(t.Context(), someone(), in); address != "" || err != nil {
		t.Errorf("again: %q, %v", address, err)
	}
}

func TestLogout_of_a_session_of_no_provider_leads_nowhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.Register(t, "carol", password, "user")
	carol, _ := r.SignIn(t, "carol", password, "192.0.2.9")
	if address, err := r.SSO.Logout(t.Context(), someone(), sso.LogoutInput{Bearer: carol.Tokens.Access}); address != "" || err != nil || r.isLive(t, carol) {
		t.Errorf("a session of no provider: %q, %v", address, err)
	}
}

func offline(s *oidcdir.Settings) { s.OfflineAccess = true }

// granting makes the provider give a refresh token.
func granting() oidc.Spoil {
	return oidc.Spoil{Answer: func(a map[string]any) { a["refresh_token"] = "rt-1" }}
}

func TestWatchProviders_asks_in_time_and_keeps_the_new_grant(t *testing.T) {
	t.Parallel()
	r := newRig(t, offline)
	r.provider.Set(granting())
	signedIn := r.signIn(t)
	before := r.provider.Hits("/token")
	r.watch(t)
	if r.provider.Hits("/token") != before {
		t.Error("a session was asked about that is not due")
	}
	r.provider.Set(refreshing("rt-2"))
	for _, want := range []string{"rt-1", "rt-2", "rt-2"} {
		r.Clock.Forward(11 * time.Minute)
		r.watch(t)
		if got := r.provider.LastTokenRequest().Get("refresh_token"); got != want {
			t.Errorf("asked with %q, want %q", got, want)
		}
		if !r.isLive(t, signedIn) {
			t.Error("the session ended")
		}
	}
	r.Clock.Forward(time.Hour)
	before = r.provider.Hits("/token")
	r.watch(t)
	if r.provider.Hits("/token") != before {
		t.Error("a session was asked about that nobody has used for an hour")
	}
}

// refreshing answers refreshes alone.
func refreshing(token string) oidc.Spoil {
	return oidc.Spoil{Answer: func(a map[string]any) { a["refresh_token"] = token; delete(a, "id_token") }}
}

func (r *rig) watch(t *testing.T) {
	t.Helper()
	if err := r.SSO.WatchProviders(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWatchProviders_ends_what_the_provider_has_ended_and_nothing_else(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil oidc.Spoil
		lives bool
	}{
		"ended":                {refusing(http.StatusBadRequest, `{"error":"invalid_grant"}`), false},
		"down":                 {refusing(http.StatusBadGateway, ``), true},
		"nonsense":             {refusing(http.StatusOK, `<html>`), true},
		"our client forgotten": {refusing(http.StatusUnauthorized, `{"error":"invalid_client"}`), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, offline)
			r.provider.Set(granting())
			signedIn := r.signIn(t)
			r.provider.Set(test.spoil)
			r.Clock.Forward(11 * time.Minute)
			r.watch(t)
			if r.isLive(t, signedIn) != test.lives {
				t.Fatalf("the session lives: %v", !test.lives)
			}
			asked := r.provider.Hits("/token")
			r.Clock.Forward(11 * time.Minute)
			r.watch(t)
			if again := r.provider.Hits("/token") > asked; again != test.lives {
				t.Errorf("asked again: %v", again)
			}
			if got := r.Logged(t, domain.ActionSessionRevoke); test.lives != (len(got) == 0) {
				t.Errorf("the audit trail says %v", got)
			}
		})
	}
}

func TestWatchProviders_asks_once_however_many_workers_there_are(t *testing.T) {
	t.Parallel()
	r := newRig(t, offline)
	r.provider.Set(granting())
	r.signIn(t)
	r.provider.Set(refreshing("rt-2"))
	before := r.provider.Hits("/token")
	r.Clock.Forward(11 * time.Minute)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := r.over().WatchProviders(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if asked := r.provider.Hits("/token") - before; asked != 1 {
		t.Errorf("one session was asked about %d times", asked)
	}
}

func TestWatchProviders_leaves_sessions_that_are_over(t *testing.T) {
	t.Parallel()
	r := newRig(t, offline)
	r.provider.Set(granting())
	signedIn := r.signIn(t)
	if err := r.Auth.Logout(t.Context(), someone(), signedIn.Tokens.Refresh, ""); err != nil {
		t.Fatal(err)
	}
	before := r.provider.Hits("/token")
	r.Clock.Forward(11 * time.Minute)
	r.watch(t)
	if r.provider.Hits("/token") != before {
		t.Error("a session that is over was asked about")
	}
	due, err := r.Store.Sessions().ListProviderGrants(t.Context(), r.Clock.Now(), 10)
	if err != nil || len(due) != 0 {
		t.Errorf("%d grants are kept of sessions that are over: %v", len(due), err)
	}
}

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

// logoutToken returns a valid logout token with the change applied.
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

// as logs in with the subject and session at the provider.
func (r *rig) as(t *testing.T, subject, session string) auth.SignedIn {
	t.Helper()
	r.claims(func(c map[string]any) {
		c["sub"], c["sid"], c["preferred_username"], c["email"] = subject, session, subject, nil
	})
	return r.signIn(t)
}

func TestBackChannelLogoutEndsExactlyTheNamedSessions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(c map[string]any)
		want   map[string]bool // whether u1/a, u1/b and u2/c are live
	}{
		"a session of a subject": {
			func(c map[string]any) { c["sub"], c["sid"] = "u1", "a" },
			map[string]bool{"u1/b": true, "u2/c": true},
		},
		"a session without subject": {
			func(c map[string]any) { delete(c, "sub"); c["sid"] = "a" },
			map[string]bool{"u1/b": true, "u2/c": true},
		},
		"all of a subject": {
			func(c map[string]any) { c["sub"] = "u1"; delete(c, "sid") },
			map[string]bool{"u2/c": true},
		},
		"a session of another subject": {
			func(c map[string]any) { c["sub"], c["sid"] = "u2", "a" },
			map[string]bool{"u1/a": true, "u1/b": true, "u2/c": true},
		},
		"an unknown session": {
			func(c map[string]any) { c["sub"], c["sid"] = "u9", "z" },
			map[string]bool{"u1/a": true, "u1/b": true, "u2/c": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			sessions := map[string]auth.SignedIn{
				"u1/a": r.as(t, "u1", "a"), "u1/b": r.as(t, "u1", "b"),
				"u2/c": r.as(t, "u2", "c"),
			}
			if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", r.logoutToken(t, test.change)); err != nil {
				t.Fatal(err)
			}
			for which, signedIn := range sessions {
				if r.isLive(t, signedIn) != test.want[which] {
					t.Errorf("%s is live: %v", which, !test.want[which])
				}
			}
		})
	}
}

func TestBackChannelLogoutAcceptsEachTokenOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	token := r.logoutToken(t, nil)
	if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", token); err != nil {
		t.Fatal(err)
	}
	r.Clock.Forward(time.Second)
	after := r.signIn(t)
	if err := r.over(t).BackChannelLogout(t.Context(), someone(), "corp", token); !errors.Is(err, domain.ErrLogoutToken) {
		t.Errorf("the same token: %v", err)
	}
	if !r.isLive(t, after) {
		t.Error("a replayed token ended a later session")
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

func TestBackChannelLogoutRefusesLoginInProgress(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	code := r.code(t)
	r.Clock.Forward(time.Second)
	if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", r.logoutToken(t, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.exchange(t, code); !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("a code issued before the logout: %v", err)
	}
	r.Clock.Forward(time.Second)
	r.signIn(t)
}

func TestBackChannelLogoutIsAudited(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	signedIn := r.signIn(t)
	if err := r.SSO.BackChannelLogout(t.Context(), someone(), "corp", r.logoutToken(t, nil)); err != nil {
		t.Fatal(err)
	}
	got := r.Logged(t, domain.ActionSessionRevoke)
	if len(got) != 1 || got[0].Details["reason"] != "provider_logout" || got[0].Target != string(signedIn.User.ID) ||
		got[0].UserID != "system" {
		t.Errorf("audit entries %v", got)
	}
}

func TestLogoutEndsSessionAndReturnsProviderURL(t *testing.T) {
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
	if err != nil || !strings.HasPrefix(address, r.provider.URL+"/bye?") ||
		!strings.HasPrefix(u.Query().Get("id_token_hint"), "eyJ") ||
		u.Query().Get("post_logout_redirect_uri") != in.ReturnTo || u.Query().Get("state") != "st" {
		t.Errorf("URL %s", address)
	}
	if r.isLive(t, signedIn) {
		t.Error("the session is still live")
	}
	if address, err = r.SSO.Logout(t.Context(), someone(), in); address != "" || err != nil {
		t.Errorf("second logout: %q, %v", address, err)
	}
}

func TestLogoutWithoutProviderReturnsNoURL(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.Register(t, "carol", password, "user")
	carol, _ := r.SignIn(t, "carol", password, "192.0.2.9")
	if address, err := r.SSO.Logout(t.Context(), someone(), sso.LogoutInput{Bearer: carol.Tokens.Access}); address != "" ||
		err != nil || r.isLive(t, carol) {
		t.Errorf("a session without provider: %q, %v", address, err)
	}
}

func offline(s *oidcdir.Settings) { s.OfflineAccess = true }

// granting makes the provider return a refresh token.
func granting() oidc.Spoil {
	return oidc.Spoil{Answer: func(a map[string]any) { a["refresh_token"] = "rt-1" }}
}

func TestWatchProvidersChecksWhenDueAndStoresNewGrant(t *testing.T) {
	t.Parallel()
	r := newRig(t, offline)
	r.provider.Set(granting())
	signedIn := r.signIn(t)
	before := r.provider.Hits("/token")
	r.watch(t)
	if r.provider.Hits("/token") != before {
		t.Error("a session was checked before it was due")
	}
	r.provider.Set(refreshing("rt-2"))
	for _, want := range []string{"rt-1", "rt-2", "rt-2"} {
		r.Clock.Forward(11 * time.Minute)
		r.watch(t)
		if got := r.provider.LastTokenRequest().Get("refresh_token"); got != want {
			t.Errorf("checked with %q, want %q", got, want)
		}
		if !r.isLive(t, signedIn) {
			t.Error("the session ended")
		}
	}
	r.Clock.Forward(time.Hour)
	before = r.provider.Hits("/token")
	r.watch(t)
	if r.provider.Hits("/token") != before {
		t.Error("a session that was idle for an hour was checked")
	}
}

// refreshing makes the provider answer refreshes only.
func refreshing(token string) oidc.Spoil {
	return oidc.Spoil{Answer: func(a map[string]any) { a["refresh_token"] = token; delete(a, "id_token") }}
}

// watch checks the sessions that are due and returns which providers began to fail or recovered.
func (r *rig) watch(t *testing.T) []sso.ProviderChange {
	t.Helper()
	var changes []sso.ProviderChange // of one provider: the sign-ins of these tests are at one
	err := r.SSO.WatchProviders(t.Context(), func(c sso.ProviderChange) { changes = append(changes, c) })
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestWatchProvidersEndsOnlySessionsEndedByProvider(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil oidc.Spoil
		lives bool
	}{
		"ended":          {refusing(http.StatusBadRequest, `{"error":"invalid_grant"}`), false},
		"down":           {refusing(http.StatusBadGateway, ``), true},
		"nonsense":       {refusing(http.StatusOK, `<html>`), true},
		"client unknown": {refusing(http.StatusUnauthorized, `{"error":"invalid_client"}`), true},
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
				t.Fatalf("the session is live: %v", !test.lives)
			}
			checks := r.provider.Hits("/token")
			r.Clock.Forward(11 * time.Minute)
			r.watch(t)
			if again := r.provider.Hits("/token") > checks; again != test.lives {
				t.Errorf("checked again: %v", again)
			}
			if got := r.Logged(t, domain.ActionSessionRevoke); test.lives != (len(got) == 0) {
				t.Errorf("audit entries %v", got)
			}
		})
	}
}

func TestWatchProvidersChecksOnceWithManyWorkers(t *testing.T) {
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
			if err := r.over(t).WatchProviders(t.Context(), func(sso.ProviderChange) {}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if checks := r.provider.Hits("/token") - before; checks != 1 {
		t.Errorf("the session was checked %d times, want 1", checks)
	}
}

func TestWatchProvidersSkipsEndedSessions(t *testing.T) {
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
		t.Error("an ended session was checked")
	}
	due, err := r.Store.Sessions().ListProviderGrants(t.Context(), r.Clock.Now(), 10)
	if err != nil || len(due) != 0 {
		t.Errorf("%d grants of ended sessions are stored: %v", len(due), err)
	}
}

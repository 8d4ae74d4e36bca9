package faultstore_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
	"github.com/ostiary/ostiary/test/kit"
)

// corp returns a directory of a provider that signs mallory in. It uses the machine's clock, as the provider does.
func (w *world) corp(t *testing.T) ports.Directory {
	t.Helper()
	w.provider = oidc.NewHostile(t)
	w.provider.Set(granting())
	corp, err := oidcdir.New("corp", oidcdir.Settings{
		Issuer: w.provider.URL, ClientID: oidc.HostileClient, ClientSecret: oidc.HostileSecret, AllowHTTPLoopback: true,
		JustInTime:    true,
		OfflineAccess: true, UserInfo: "never",
	}, oidcdir.Options{Clock: sysclock.Clock{}})
	must(t, err)
	return corp
}

func granting() oidc.Spoil {
	return oidc.Spoil{Answer: func(a map[string]any) { a["refresh_token"] = "rt-1" }}
}

// through goes through the provider with what was started, up to the code for the client.
func (w *world) through(t *testing.T, started sso.Started) (string, error) {
	t.Helper()
	browser := oidc.NewBrowser(t, "https://id.example.com/")
	query := browser.Visit(t, started.URL)
	returned, err := w.SSO.Callback(t.Context(), kit.From("203.0.113.9"), sso.CallbackInput{
		Directory: "corp", Answer: domain.RedirectCallback{Code: query.Get("code"), State: query.Get("state")},
		Secret: started.Secret,
	})
	if err != nil {
		return "", err
	}
	return returned.Code, returned.Err
}

func (w *world) signInThrough(t *testing.T) error {
	t.Helper()
	by := kit.From("203.0.113.9")
	started, err := w.SSO.Start(t.Context(), by, sso.StartInput{Directory: "corp", RedirectURI: kit.AppURL})
	if err != nil {
		return err
	}
	code, err := w.through(t, started)
	if err != nil {
		return err
	}
	_, err = w.SSO.Exchange(t.Context(), by, sso.ExchangeInput{Code: code})
	return err
}

// sessions counts the live ones of the provider's user.
func sessions(t *testing.T, w *world) int {
	t.Helper()
	user, _ := w.stored(t, "mallory")
	return len(user.Sessions)
}

func ended(t *testing.T, w *world) int {
	t.Helper()
	return 1 - sessions(t, w)
}

func signedInThrough(t *testing.T, w *world) {
	t.Helper()
	must(t, w.signInThrough(t))
}

func providerCases() map[string]useCase {
	return map[string]useCase{
		"sign in through a provider": {
			run:    func(t *testing.T, w *world) error { return w.signInThrough(t) },
			action: domain.ActionLogin, happened: sessions, again: true,
		},
		"be notified of a logout by the provider": {
			prepare: func(t *testing.T, w *world) {
				signedInThrough(t, w)
				claims, err := json.Marshal(w.provider.LogoutClaims())
				must(t, err)
				w.values["token"] = w.provider.Signed(claims)
			},
			run: func(t *testing.T, w *world) error {
				return w.SSO.BackChannelLogout(t.Context(), kit.From("198.51.100.7"), "corp", w.values["token"])
			},
			action: domain.ActionSessionRevoke, happened: ended,
		},
		"hear from the provider that a session is over": {
			prepare: func(t *testing.T, w *world) {
				signedInThrough(t, w)
				w.provider.Set(oidc.Spoil{Take: map[string]func(http.ResponseWriter, *http.Request){"/token": over}})
				w.Clock.Forward(11 * time.Minute)
			},
			run: func(t *testing.T, w *world) error {
				return w.SSO.WatchProviders(t.Context(), func(sso.ProviderChange) {})
			},
			action: domain.ActionSessionRevoke, happened: ended, wait: 11 * time.Minute,
		},
		"link an account": {
			prepare: func(_ *testing.T, w *world) {
				w.provider.Set(oidc.Spoil{Claims: func(c map[string]any) { // what is stored already, so that linking is one change
					c["name"], c["email"], c["email_verified"] = "", "john@example.com", false
				}})
			},
			run: func(t *testing.T, w *world) error {
				if linked(t, w) == 1 {
					return nil
				}
				started, err := w.SSO.StartLink(t.Context(), w.user, sso.StartInput{Directory: "corp", RedirectURI: kit.AppURL})
				if err != nil {
					return err
				}
				_, err = w.through(t, started)
				return err
			},
			action: domain.ActionUserUpdate, happened: linked,
		},
	}
}

func linked(t *testing.T, w *world) int {
	t.Helper()
	user, ok := w.stored(t, "john")
	return one(ok && user.Directory == "corp" && strings.HasSuffix(string(user.Subject), "#u1") && user.Password == nil)
}

func over(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusBadRequest)
	_, _ = rw.Write([]byte(`{"error":"invalid_grant"}`))
}

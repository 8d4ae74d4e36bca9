package sso_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
	"github.com/ostiary/ostiary/test/kit"
)

const (
	app      = kit.AppURL
	callback = "http://localhost:1/api/v1/security/auth/oidc/"
	verifier = "a-verifier-of-the-client-that-is-long-enough-to-be-one"
)

// lateClock is a clock that is set after the directory that uses it has been created.
type lateClock struct{ of *kit.Clock }

func (c *lateClock) Now() time.Time {
	if c.of == nil {
		return time.Now()
	}
	return c.of.Now()
}

type rig struct {
	*kit.Services

	provider *oidc.Hostile
	browser  *oidc.Browser
	secrets  map[string]string // of the flows, by state
}

// newRig returns the services with a hostile provider under the ID corp, whose settings change may modify, and a second
// directory, other, with the same provider.
func newRig(t *testing.T, change func(*oidcdir.Settings)) *rig {
	t.Helper()
	r := &rig{provider: oidc.NewHostile(t), browser: oidc.NewBrowser(t, callback), secrets: map[string]string{}}
	clock := &lateClock{}
	open := func(id domain.DirectoryID, change func(*oidcdir.Settings)) ports.Directory {
		settings := oidcdir.Settings{
			Issuer: r.provider.URL, ClientID: oidc.HostileClient, ClientSecret: oidc.HostileSecret, AllowHTTPLoopback: true,
			JustInTime: true, UserInfo: "never", DisplayName: "Example Corp",
		}
		if change != nil {
			change(&settings)
		}
		d, err := oidcdir.New(id, settings, oidcdir.Options{Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	r.Services = kit.Start(t, kit.Options{Directories: []ports.Directory{open("corp", change), open("other", nil)}})
	// The provider signs with the real time, so the services start at it.
	r.Clock.Forward(time.Since(r.Clock.Now()))
	clock.of = r.Clock
	r.SSO = r.over(t)
	return r
}

// over returns another SSO service over the same store, as on another node.
func (r *rig) over(t *testing.T) *sso.Service {
	t.Helper()
	return r.node(t, sso.Config{CallbackURL: callbackURL})
}

func callbackURL(id domain.DirectoryID) string { return callback + string(id) + "/callback" }

// node returns the SSO service of another node on the same store.
func (r *rig) node(t *testing.T, c sso.Config) *sso.Service {
	t.Helper()
	return r.Node(t, func(o *kit.Options) { o.SSO = c }).SSO
}

func someone() domain.Principal {
	return domain.Anonymous(domain.Origin{
		Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "test",
		RequestID: "req-1",
	})
}

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func startInput() sso.StartInput {
	return sso.StartInput{
		Directory: "corp", RedirectURI: app, State: "client-state", Challenge: challenge(),
		ChallengeMethod: "S256",
	}
}

// start starts a login in the rig's browser.
func (r *rig) start(t *testing.T, in sso.StartInput) sso.Started {
	t.Helper()
	started, err := r.SSO.Start(t.Context(), someone(), in)
	if err != nil {
		t.Fatal(err)
	}
	r.secrets[started.State] = started.Secret
	return started
}

// answer logs in at the provider and returns the response that the browser delivers.
func (r *rig) answer(t *testing.T, started sso.Started) sso.CallbackInput {
	t.Helper()
	query := r.browser.Visit(t, started.URL)
	return sso.CallbackInput{
		Directory: "corp",
		Answer: domain.RedirectCallback{
			Code: query.Get("code"), State: query.Get("state"), Issuer: query.Get("iss"), Error: query.Get("error"),
		},
		Secret: r.secrets[query.Get("state")],
	}
}

// back completes the provider's part and returns the result for the client.
func (r *rig) back(t *testing.T, in sso.CallbackInput) sso.Returned {
	t.Helper()
	returned, err := r.SSO.Callback(t.Context(), someone(), in)
	if err != nil {
		t.Fatal(err)
	}
	if returned.RedirectURI != app {
		t.Fatalf("the browser is sent to %s", returned.RedirectURI)
	}
	return returned
}

// code performs a login up to the client's code.
func (r *rig) code(t *testing.T) string {
	t.Helper()
	returned := r.back(t, r.answer(t, r.start(t, startInput())))
	if returned.Code == "" || returned.State != "client-state" {
		t.Fatalf("the client got %+v; audit: %v", returned, r.reasons(t))
	}
	return returned.Code
}

func (r *rig) exchange(t *testing.T, code string) (auth.SignedIn, error) {
	t.Helper()
	return r.SSO.Exchange(t.Context(), someone(), sso.ExchangeInput{Code: code, Verifier: verifier})
}

// signIn performs a complete login.
func (r *rig) signIn(t *testing.T) auth.SignedIn {
	t.Helper()
	signedIn, err := r.exchange(t, r.code(t))
	if err != nil {
		t.Fatal(err)
	}
	return signedIn
}

func (r *rig) isLive(t *testing.T, signedIn auth.SignedIn) bool {
	t.Helper()
	_, err := r.Auth.Authenticate(t.Context(), signedIn.Tokens.Access, someone().Origin)
	return err == nil
}

// reasons returns the reasons of refused logins, the latest first.
func (r *rig) reasons(t *testing.T) []string {
	t.Helper()
	var reasons []string
	for _, entry := range r.Logged(t, domain.ActionLoginFailed, domain.ActionTwoFactorFailed) {
		reason, _ := entry.Details["reason"].(string)
		reasons = append(reasons, reason)
	}
	return reasons
}

// claims makes the provider return changed claims from now on.
func (r *rig) claims(change func(c map[string]any)) { r.provider.Set(oidc.Spoil{Claims: change}) }

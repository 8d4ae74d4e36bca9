// Package sso_test signs people in with a real browser at a certified provider, through the Security API.
package sso_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/browser"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
	"github.com/ostiary/ostiary/test/kit"
)

const api = "/api/v1/security"

// world is a service, its provider, and an application that people sign in to.
type world struct {
	services *kit.Services
	provider *oidc.Provider
	service  string // base address
	app      string
	browser  *rod.Browser
}

// lateClock is the kit's clock for a directory that is made before it.
type lateClock struct{ of *kit.Clock }

func (c *lateClock) Now() time.Time {
	if c.of == nil {
		return time.Now()
	}
	return c.of.Now()
}

// newWorld makes one whose calls of the provider may take so long; zero is the product's own limit.
func newWorld(t *testing.T, limit time.Duration) *world {
	t.Helper()
	port := freePort(t)
	w := &world{service: fmt.Sprintf("http://localhost:%d", port), browser: browser.Open(t)}
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = rw.Write([]byte(`<!doctype html><title>app</title><p id="app">the application</p>`))
	}))
	t.Cleanup(app.Close)
	w.app = strings.Replace(app.URL, "127.0.0.1", "localhost", 1)
	own := w.service + api + "/auth/oidc/corp"
	w.provider = oidc.Start(t, oidc.Options{
		Redirects: []string{own + "/callback"}, BackChannel: own + "/backchannel-logout",
		PostLogout: []string{w.app + "/bye"}, HumanLogin: true,
	})
	clock := &lateClock{}
	corp, err := oidcdir.New("corp", oidcdir.Settings{
		Timeout: limit, Issuer: w.provider.Issuer, ClientID: "web", ClientSecret: "web-secret", AllowHTTPLoopback: true,
		JustInTime: true, DisplayName: "Corp",
	}, oidcdir.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	w.services = kit.Start(t, kit.Options{Directories: []ports.Directory{corp}, SSO: sso.Config{
		CallbackURL: func(id domain.DirectoryID) string {
			return w.service + api + "/auth/oidc/" + string(id) +
				"/callback"
		},
		RedirectURIs: []string{w.app + "/in"}, PostLogoutURIs: []string{w.app + "/bye"},
	}})
	w.services.Clock.Forward(time.Since(w.services.Clock.Now()))
	clock.of = w.services.Clock
	w.serve(t, port)
	return w
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func (w *world) serve(t *testing.T, port int) {
	t.Helper()
	s := w.services
	apis, err := securityapi.New(s.Services, securityapi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := httpserver.New(httpserver.Config{Address: fmt.Sprintf("127.0.0.1:%d", port), Clock: s.Clock}, apis...)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.WithoutCancel(t.Context())) })
}

// call sends JSON and returns the answer's status and body.
func (w *world) call(t *testing.T, method, path, bearer string, body any) (int, map[string]any) {
	t.Helper()
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.service+api+path, &sent)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s answered %d without JSON: %v", method, path, resp.StatusCode, err)
	}
	return resp.StatusCode, answer
}

func (w *world) isLive(t *testing.T, bearer string) bool {
	t.Helper()
	status, _ := w.call(t, http.MethodGet, "/auth/verify", bearer, nil)
	return status == http.StatusOK
}

// loginURL is where an application sends the browser.
func (w *world) loginURL() string {
	return w.service + api + "/auth/oidc/corp/login?" +
		url.Values{"redirect_uri": {w.app + "/in"}, "state": {"app-state"}}.Encode()
}

// typeIn fills in the provider's login page; its login names are its subjects.
func typeIn(t *testing.T, page *rod.Page, name string) {
	t.Helper()
	page.MustElement(`input[name="login"]`).MustInput(name)
	page.MustElement(`input[name="password"]`).MustInput("whatever it is")
	page.MustElement(`button[type="submit"]`).MustClick()
	page.MustElementR("button", "Continue").MustClick() // the provider asks for consent
}

// arrive waits until the browser is at the application and returns its query.
func (w *world) arrive(t *testing.T, page *rod.Page, path string) url.Values {
	t.Helper()
	if _, err := page.Timeout(20 * time.Second).Element("#app"); err != nil {
		t.Fatalf("the browser stays at %s: %.1000s", page.MustInfo().URL,
			page.MustEval(`() => document.body.textContent.replace(/\s+/g, " ")`).Str())
	}
	u, err := url.Parse(page.MustInfo().URL)
	if err != nil || !strings.HasPrefix(u.String(), w.app+path) {
		t.Fatalf("the browser is at %s", u)
	}
	return u.Query()
}

// exchange gives the access token for what the application got.
func (w *world) exchange(t *testing.T, query url.Values) (string, map[string]any) {
	t.Helper()
	if query.Get("state") != "app-state" || query.Get("code") == "" {
		t.Fatalf("the application got %v", query)
	}
	status, answer := w.call(t, http.MethodPost, "/auth/oidc/token", "", map[string]string{"code": query.Get("code")})
	token, _ := answer["access_token"].(string)
	if status != http.StatusOK || token == "" {
		t.Fatalf("the code gave %d %v", status, answer)
	}
	return token, answer
}

// again signs in a user whose session at the provider is live: no page is displayed.
func (w *world) again(t *testing.T, page *rod.Page) string {
	t.Helper()
	page.MustNavigate(w.loginURL())
	token, _ := w.exchange(t, w.arrive(t, page, "/in"))
	return token
}

func TestSignInRotateAndLogOutInABrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20*time.Second)
	status, listed := w.call(t, http.MethodGet, "/auth/providers", "", nil)
	if text := fmt.Sprint(listed); status != http.StatusOK || !strings.Contains(text, "Corp") ||
		!strings.Contains(text, api+"/auth/oidc/corp/login") {
		t.Errorf("the providers are %d %v", status, listed)
	}

	alice := browser.Person(t, w.browser)
	alice.MustNavigate(w.loginURL())
	typeIn(t, alice, "u-alice")
	first, answer := w.exchange(t, w.arrive(t, alice, "/in"))
	if user, _ := answer["user"].(map[string]any); user["username"] != "alice" {
		t.Errorf("signed in as %v", answer["user"])
	}
	if cookies := flowCookies(alice, w.service+api+"/auth/oidc/corp/callback"); len(cookies) != 0 {
		t.Errorf("the flow's cookie stays: %v", cookies)
	}

	// The provider withdraws its keys; ten seconds later the new ones are looked for.
	w.provider.RotateKeys(t, true)
	w.services.Clock.Forward(11 * time.Second)
	second := w.again(t, alice)

	bob := browser.Person(t, w.browser)
	bob.MustNavigate(w.loginURL())
	typeIn(t, bob, "u-bob")
	other, _ := w.exchange(t, w.arrive(t, bob, "/in"))
	for _, token := range []string{first, second, other} {
		if !w.isLive(t, token) {
			t.Fatal("a session is dead before the logout")
		}
	}
	w.logOut(t, alice, second) // its ID token is signed by a key that the provider still knows
	if w.isLive(t, first) || w.isLive(t, second) {
		t.Error("a session of the one who signed out at the provider lives on")
	}
	if !w.isLive(t, other) {
		t.Error("somebody else's session ended too")
	}
	if calls := w.provider.BackChannelCalls(t); len(calls) != 1 || !calls[0].OK {
		t.Errorf("the provider's back-channel calls: %+v", calls)
	}
}

// logOut signs out here and then, in the browser, at the provider, which calls our back channel.
func (w *world) logOut(t *testing.T, page *rod.Page, token string) {
	t.Helper()
	status, answer := w.call(t, http.MethodPost, "/auth/oidc/logout", token, map[string]string{
		"post_logout_redirect_uri": w.app + "/bye", "state": "bye-state",
	})
	address, _ := answer["provider_logout_url"].(string)
	if status != http.StatusOK || !strings.HasPrefix(address, w.provider.Issuer) {
		t.Fatalf("the logout answered %d %v", status, answer)
	}
	page.MustNavigate(address)
	page.MustElementR("button", "Yes").MustClick()
	if got := w.arrive(t, page, "/bye").Get("state"); got != "bye-state" {
		t.Errorf("the state came back as %q", got)
	}
}

func TestCallbackOfAnotherBrowserIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20*time.Second)
	attacker := browser.Person(t, w.browser)
	attacker.MustNavigate(w.loginURL())
	// The attacker signs in as themselves, stops before the callback, and has the victim's browser open it.
	var stolen string
	router := attacker.HijackRequests()
	defer router.MustStop()
	router.MustAdd("*/callback*", func(h *rod.Hijack) {
		stolen = h.Request.URL().String()
		h.Response.SetBody("stopped").SetHeader("Content-Type", "text/html")
	})
	go router.Run()
	typeIn(t, attacker, "u-bob")
	attacker.MustWait(`() => document.body.textContent === 'stopped'`)

	victim := browser.Person(t, w.browser)
	victim.MustNavigate(stolen)
	if text := victim.MustElement("body").MustText(); !strings.Contains(text, "unauthorized") {
		t.Errorf("the victim's browser shows %q", text)
	}
	failed := w.services.Logged(t, domain.ActionLoginFailed)
	if len(failed) != 1 || failed[0].Details["reason"] != "the browser is not the one that began" {
		t.Errorf("the audit trail says %v", failed)
	}
}

func TestProviderOutageIsReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.provider.Pause(t)
	defer w.provider.Resume(t)
	began := time.Now()
	status, answer := w.call(t, http.MethodGet, strings.TrimPrefix(w.loginURL(), w.service+api), "", nil)
	// the limit is four; the machine may be busy
	if took := time.Since(began); status != http.StatusServiceUnavailable || answer["error"] != "directory_unavailable" ||
		took > 20*time.Second {
		t.Errorf("got %d %v after %s", status, answer, took)
	}
}

// flowCookies returns the names of the cookies that tie sign-ins to this browser. Others on this machine have some too.
func flowCookies(page *rod.Page, address string) []string {
	var names []string
	for _, cookie := range page.MustCookies(address) {
		if strings.HasPrefix(cookie.Name, "ostiary_sso_") {
			names = append(names, cookie.Name)
		}
	}
	return names
}

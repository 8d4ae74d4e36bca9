package e2e_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
	"github.com/ostiary/ostiary/test/kit"
)

// trueClock is the clock of the provider, which signs with the time of the machine.
type trueClock struct{}

func (trueClock) Now() time.Time { return time.Now() }

// TestAUserOfAProviderIsSentThereToStepUp goes the whole way by HTTP: the answer's login_url, the browser, the code.
func TestAUserOfAProviderIsSentThereToStepUp(t *testing.T) {
	t.Parallel()
	provider := oidc.NewHostile(t)
	corp, err := oidcdir.New("corp", oidcdir.Settings{
		Issuer: provider.URL, ClientID: oidc.HostileClient, ClientSecret: oidc.HostileSecret, AllowHTTPLoopback: true,
		JustInTime: true, UserInfo: "never", DisplayName: "Example Corp",
	}, oidcdir.Options{Clock: trueClock{}})
	must(t, err)
	in := install(t, kit.Options{Directories: []ports.Directory{corp}})
	in.Clock.Forward(time.Since(in.Clock.Now()))
	browser := oidc.NewBrowser(t, "https://id.example.com/")
	provider.Set(oidc.Spoil{Claims: func(c map[string]any) { c["auth_time"] = time.Now().Unix() }})
	// code has the person sign in from an address and returns the code that the application gets.
	code := func(address string) string {
		t.Helper()
		u, err := url.Parse(address)
		must(t, err)
		query := u.Query()
		query.Set("redirect_uri", kit.AppURL)
		start := in.do(t, http.MethodGet, u.Path+"?"+query.Encode(), "", nil)
		if start.status != http.StatusFound {
			t.Fatalf("the start: %d %s", start.status, start.body)
		}
		answer := browser.Visit(t, start.header.Get("Location"))
		cookie := http.Header{"Cookie": {(&http.Response{Header: start.header}).Cookies()[0].String()}}
		back := in.do(t, http.MethodGet, securityapi.Base+"/auth/oidc/corp/callback?"+answer.Encode(), "", cookie)
		end, err := url.Parse(back.header.Get("Location"))
		must(t, err)
		return end.Query().Get("code")
	}
	signedIn := in.call(t, "", http.MethodPost, "/auth/oidc/token",
		`{"code":"`+code(securityapi.Base+"/auth/oidc/corp/login")+`"}`)
	if signedIn.status != http.StatusOK {
		t.Fatalf("signing in: %d %s", signedIn.status, signedIn.body)
	}
	token := signedIn.text("access_token")
	for what, body := range map[string]string{"nothing": "", "a password": `{"password":"` + userPassword + `"}`} {
		asked := in.call(t, token, http.MethodPost, "/auth/step-up", body)
		if asked.status != http.StatusForbidden || asked.text("error") != "reauthentication_required" ||
			asked.text("provider") != "corp" || asked.text("login_url") == "" {
			t.Fatalf("with %s: %d %s", what, asked.status, asked.body)
		}
		renewed := in.call(t, token, http.MethodPost, "/auth/step-up", `{"code":"`+code(asked.text("login_url"))+`"}`)
		if renewed.status != http.StatusOK || renewed.text("session_id") != signedIn.text("session_id") {
			t.Errorf("with %s, the code: %d %s", what, renewed.status, renewed.body)
		}
	}
	if r := in.call(t, token, http.MethodPost, "/auth/step-up", `{"code":"unknown"}`); r.status != http.StatusBadRequest ||
		r.text("error") != "invalid_token" {
		t.Errorf("an unknown code: %d %s", r.status, r.body)
	}
	// a password without effect, two successes, an unknown code
	if got := len(in.Logged(t, domain.ActionStepUp)); got != 4 {
		t.Errorf("%d entries of step-ups", got)
	}
}

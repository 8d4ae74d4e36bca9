package securityapi

import (
	"testing"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/sso"
)

func TestReturnURLCarriesTheResultToTheClient(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com/back"
	tests := map[string]struct {
		returned sso.Returned
		want     string
	}{
		"a code":             {sso.Returned{RedirectURI: app, Code: "c&1", State: "s"}, app + "?code=c%261&state=s"},
		"a code, no state":   {sso.Returned{RedirectURI: app, Code: "c"}, app + "?code=c"},
		"a URI with a query": {sso.Returned{RedirectURI: app + "?x=1", Code: "c"}, app + "?code=c&x=1"},
		"a refusal": {
			sso.Returned{RedirectURI: app, Code: "c", State: "s", Err: domain.ErrRedirectLogin},
			app + "?error=access_denied&state=s",
		},
		"an unreachable provider": {sso.Returned{
			RedirectURI: app,
			Err:         domain.ErrDirectoryUnavailable.Because(domain.ErrRedirectLogin),
		}, app + "?error=temporarily_unavailable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := returnURL(test.returned); got != test.want {
				t.Errorf("the browser is sent to %s, want %s", got, test.want)
			}
		})
	}
}

func TestCookieNameStaysTheSame(t *testing.T) {
	t.Parallel()
	if got := cookieName("state"); got != "ostiary_sso_S6aXNcpTdl7W" {
		t.Errorf("the cookie of a flow is %s", got)
	}
}

package kit

import (
	"cmp"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/sso"
)

// AppURL is the default redirect URL after sign-in, and AppByeURL the one after sign-out.
const (
	publicURL = "https://id.example.com"
	AppURL    = "https://app.example.com/signed-in"
	AppByeURL = "https://app.example.com/bye"
)

// sso returns the configuration with the values of the application at AppURL in its empty fields.
func (o Options) sso() sso.Config {
	c := o.SSO
	c.CheckEvery = cmp.Or(c.CheckEvery, 10*time.Minute)
	if c.CallbackURL == nil {
		c.CallbackURL = func(id domain.DirectoryID) string {
			return publicURL + "/api/v1/security/auth/oidc/" + string(id) + "/callback"
		}
	}
	if c.RedirectURIs == nil {
		c.RedirectURIs, c.PostLogoutURIs = []string{AppURL}, []string{AppByeURL}
	}
	return c
}

// Node returns the services of another node on the same store, after the change of the options.
func (s *Services) Node(tb testing.TB, change func(*Options)) *Services {
	tb.Helper()
	options := s.options
	options.Kit = s.Kit
	change(&options)
	return Start(tb, options)
}

// Package api wires the APIs to the core services. The configuration decides which are served; the listener serves
// them.
package api

import (
	"strings"

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/idempotency"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/core/tpt"
	"github.com/ostiary/ostiary/modules/listener"
)

// Services provides the services that the Security API calls, for every listener that serves it.
var Services = fx.Module("api.services", fx.Provide(newServices))

// Security provides the Security API with the public keys, the API document and the documentation page.
var Security = fx.Module("api.security", fx.Provide(newSecurity))

type serviceNeeds struct {
	fx.In
	Config      config.Config
	Auth        *auth.Service
	Accounts    *account.Service
	Access      *access.Service
	Audit       *audit.Service
	Settings    *settings.Service
	Factors     *factor.Service
	Keys        *apikey.Service
	SSO         *sso.Service
	Idempotency *idempotency.Service
	Trace       *audit.Access
	TPT         *tpt.Service
}

func newServices(n serviceNeeds) securityapi.Services {
	return securityapi.Services{
		Auth: n.Auth, Accounts: n.Accounts, Access: n.Access, Audit: n.Audit, Settings: n.Settings, Factors: n.Factors, Keys: n.Keys,
		SSO: n.SSO, Idempotency: n.Idempotency, TPT: n.TPT, Trace: n.Trace, NoPages: !n.Config.Docs.Enabled,
		PublicURL:     n.Config.HTTP.PublicURL,
		CORSOrigins:   n.Config.HTTP.CORSOrigins,
		SecureCookies: strings.HasPrefix(n.Config.HTTP.PublicURL, "https://"),
	}
}

func newSecurity(s securityapi.Services) (listener.APIs, error) {
	apis, err := securityapi.New(s)
	return listener.APIs{APIs: apis}, err
}

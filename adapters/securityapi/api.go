package securityapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/idempotency"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/core/tpt"
)

// Base is the path that the API is mounted at.
const Base = "/api/v1/security"

// Services are what the API calls. Those that may be nil leave their routes out, of the document too.
type Services struct {
	Auth     *auth.Service
	Accounts *account.Service
	Access   *access.Service
	Audit    *audit.Service

	Settings    *settings.Service    // may be nil
	Factors     *factor.Service      // may be nil
	Keys        *apikey.Service      // may be nil
	SSO         *sso.Service         // may be nil
	Idempotency *idempotency.Service // may be nil: then Idempotency-Key means nothing
	TPT         *tpt.Service         // may be nil: then no credential is a third-party token

	// PublicURL begins the links that are handed out.
	PublicURL string

	// SecureCookies keeps cookies off plain http; it is for a service that people reach by https.
	SecureCookies bool

	// CORSOrigins are the origins whose pages may call the API and read the keys.
	CORSOrigins []string

	// NoPages leaves out the document and the page to read it.
	NoPages bool

	// Trace notes reads of other people's records and refusals in the audit log; nil notes nothing.
	Trace *audit.Access
}

// api holds the handlers.
type api struct{ Services }

// New returns the APIs to mount: the Security API, the public keys at the root, the document and the page to read it.
func New(s Services) ([]httpserver.API, error) {
	a := &api{s}
	public := slices.DeleteFunc(a.routes(), func(r httpserver.Route) bool { return r.SocketOnly })
	routes, err := a.declare(public)
	if err != nil {
		return nil, err
	}
	security := httpserver.API{
		Name: "security", Prefix: Base, Routes: routes, Authenticate: s.Auth.Authenticate, Denied: a.denied,
		CORS: httpserver.CORS{Origins: s.CORSOrigins, Headers: []string{"Authorization", "X-API-KEY", "X-Request-ID"}},
	}
	keyRoutes, err := a.declare([]httpserver.Route{route(http.MethodGet, "/.well-known/jwks.json", httpserver.Public(), a.keySet)})
	if err != nil {
		return nil, err
	}
	keys := httpserver.API{
		Name: "jwks", Routes: keyRoutes, CORS: httpserver.CORS{Origins: s.CORSOrigins, Headers: []string{"X-Request-ID"}},
	}
	if s.NoPages {
		return []httpserver.API{security, keys}, nil
	}
	pages, err := documentation(security, keys)
	if err != nil {
		return nil, err
	}
	return []httpserver.API{security, keys, pages}, nil
}

func (a *api) denied(ctx context.Context, by domain.Principal, route string) error {
	if a.Trace == nil {
		return nil
	}
	return a.Trace.Denied(ctx, by, route)
}

// noteRead records that a principal has read another user's record.
func (a *api) noteRead(r *httpserver.Request, target string) error {
	if a.Trace == nil {
		return nil
	}
	return a.Trace.Read(r.Context(), r.Principal, target)
}

func (a *api) routes() []httpserver.Route {
	all := a.userRoutes()
	all = append(all, a.authRoutes()...)
	all = append(all, a.passwordRoutes()...)
	all = append(all, a.sessionRoutes()...)
	all = append(all, a.accessRoutes()...)
	all = append(all, a.groupRoutes()...)
	all = append(all, a.auditRoutes()...)
	if a.Settings != nil {
		all = append(all, a.settingsRoutes()...)
	}
	if a.Factors != nil {
		all = append(all, a.factorRoutes()...)
	}
	if a.Keys != nil {
		all = append(all, a.keyRoutes()...)
	}
	if a.SSO != nil {
		all = append(all, a.ssoRoutes()...)
	}
	return all
}

// The IDs in paths. Text that is no ID is answered as an ID that does not exist.
var (
	userID    = httpserver.Param[domain.UserID]{Name: "user_id", Parse: domain.ParseUserID, Absent: domain.ErrUserNotFound}
	sessionID = httpserver.Param[domain.SessionID]{Name: "session_id", Parse: domain.ParseSessionID, Absent: domain.ErrSessionNotFound}
	keyID     = httpserver.Param[domain.KeyID]{Name: "key_id", Parse: domain.ParseKeyID, Absent: domain.ErrKeyNotFound}
)

// route is a line of a route table.
func route(method, path string, who httpserver.Access, handler httpserver.Handler) httpserver.Route {
	return httpserver.Route{Method: method, Path: path, Access: who, Handler: handler}
}

// socketOnly keeps a route off the public listener.
func socketOnly(r httpserver.Route) httpserver.Route {
	r.SocketOnly = true
	return r
}

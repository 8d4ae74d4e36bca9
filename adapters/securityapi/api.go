package securityapi

import (
	"slices"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/notify"
)

// Base is the path that the API is mounted at.
const Base = "/api/v1/security"

// Config holds the configured values of the API.
type Config struct {
	// Link returns the links that are handed out.
	Link notify.Link
	// SecureCookies keeps cookies off plain http; it is for a service that people reach by https.
	SecureCookies bool
	// CORSOrigins are the origins whose pages may call the API and read the keys.
	CORSOrigins []string
	// NoPages leaves out the document and the page to read it.
	NoPages bool
}

// api holds the handlers.
type api struct {
	*core.Services
	Config
}

// New returns the APIs to mount: the Security API, the public keys at the root, the document and the page to read it.
func New(s *core.Services, c Config) ([]httpserver.API, error) {
	a := &api{s, c}
	public := slices.DeleteFunc(a.routes(), func(r httpserver.Route) bool { return r.SocketOnly })
	routes, err := a.declare(public)
	if err != nil {
		return nil, err
	}
	security := httpserver.API{
		Name: "security", Prefix: Base, Routes: routes, Authenticate: s.Auth.Authenticate, Denied: s.AuditAccess.Denied,
		CORS: httpserver.CORS{Origins: c.CORSOrigins, Headers: []string{"Authorization", "X-API-KEY", "X-Request-ID"}},
	}
	keyRoutes, err := a.declare([]httpserver.Route{a.keySetRoute()})
	if err != nil {
		return nil, err
	}
	keys := httpserver.API{
		Name: "jwks", Routes: keyRoutes, CORS: httpserver.CORS{Origins: c.CORSOrigins, Headers: []string{"X-Request-ID"}},
	}
	if c.NoPages {
		return []httpserver.API{security, keys}, nil
	}
	pages, err := documentation(security, keys)
	if err != nil {
		return nil, err
	}
	return []httpserver.API{security, keys, pages}, nil
}

// replyRead responds with another user's record and records that the principal has read it.
func (a *api) replyRead(r *httpserver.Request, target string, body any, err error) error {
	if err == nil {
		err = a.AuditAccess.Read(r.Context(), r.Principal, target)
	}
	return r.Reply(body, err)
}

func (a *api) routes() []httpserver.Route {
	return slices.Concat(a.userRoutes(), a.authRoutes(), a.passwordRoutes(), a.sessionRoutes(), a.accessRoutes(),
		a.groupRoutes(), a.auditRoutes(), a.settingsRoutes(), a.factorRoutes(), a.keyRoutes(), a.ssoRoutes(),
		a.systemRoutes(), a.directoryRoutes(), a.tokenRoutes(), a.importRoutes())
}

// The IDs in paths. Text that is no ID is answered as an ID that does not exist.
var (
	userID    = httpserver.Param[domain.UserID]{Name: "user_id", Parse: domain.ParseUserID, Absent: domain.ErrUserNotFound}
	sessionID = httpserver.Param[domain.SessionID]{
		Name: "session_id", Parse: domain.ParseSessionID,
		Absent: domain.ErrSessionNotFound,
	}
	keyID = httpserver.Param[domain.KeyID]{Name: "key_id", Parse: domain.ParseKeyID, Absent: domain.ErrKeyNotFound}
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

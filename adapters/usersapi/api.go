package usersapi

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/ports"
)

// Base is the path that the API is mounted at.
const Base = "/api/users"

// Config holds the configured values of the API.
type Config struct {
	CORSOrigins []string
	Timezone    *time.Location // of the datetime in the answer to a login
	Clock       ports.Clock
}

type api struct {
	*core.Services
	Config
}

// New returns the API to mount, and the one that serves its document.
func New(s *core.Services, c Config) []httpserver.API {
	if c.Timezone == nil {
		c.Timezone = time.UTC
	}
	a := &api{s, c}
	users := httpserver.API{
		Name: "users", Prefix: Base, Routes: withAndWithoutSlash(a.routes()), Authenticate: a.authenticate,
		Credential: credential,
		Failure:    failure, Challenge: "Token",
		CORS: httpserver.CORS{Origins: c.CORSOrigins, Headers: []string{"X-API-KEY", "Authorization", "X-Request-ID"}},
	}
	return []httpserver.API{users, documentation()}
}

func (a *api) routes() []httpserver.Route {
	return []httpserver.Route{
		post("/login", httpserver.Public(), a.login),
		post("/logout", httpserver.SignedIn(), a.logout),
		post("/credentials_are_valid", httpserver.SignedIn(), a.credentialsAreValid),
		post("/signup", httpserver.Public(), a.signup),
		post("/change_password", httpserver.SignedIn(), a.changePassword),
		post("/reset_password", httpserver.SignedIn(), a.resetPassword),
		post("/update_role", httpserver.SignedIn(), a.updateRole),
		post("/create_tpt", httpserver.SignedIn(), a.createTPT),
		post("/roles/add", httpserver.SignedIn(), a.addRole),
		get("/roles", httpserver.SignedIn(), a.roles),
		get("/tpt", httpserver.SignedIn(), a.listTPT),
		{Method: http.MethodDelete, Path: "/tpt/{jti}", Access: httpserver.SignedIn(), Handler: a.revokeTPT},
		get("", httpserver.SignedIn(), a.list),
		{Method: http.MethodGet, Path: "/{username}", Access: httpserver.SignedIn(), Handler: a.user, Names: true},
	}
}

func post(path string, who httpserver.Access, handler httpserver.Handler) httpserver.Route {
	return httpserver.Route{Method: http.MethodPost, Path: path, Access: who, Handler: handler, Accepts: bodyTypes}
}

func get(path string, who httpserver.Access, handler httpserver.Handler) httpserver.Route {
	return httpserver.Route{Method: http.MethodGet, Path: path, Access: who, Handler: handler}
}

// withAndWithoutSlash doubles the routes: clients of the original write either, and a redirect would lose their bodies.
func withAndWithoutSlash(routes []httpserver.Route) []httpserver.Route {
	all := make([]httpserver.Route, 0, 2*len(routes))
	for _, r := range routes {
		all = append(all, r)
		r.Path += "/"
		all = append(all, r)
	}
	return all
}

// authenticate returns the principal of a credential: a login's key or token, an API key, or a third-party token.
func (a *api) authenticate(ctx context.Context, credential string, from domain.Origin) (domain.Principal, error) {
	if credential == "" {
		return domain.Principal{}, errKeyMissing
	}
	check := a.Auth.Authenticate
	if opaquetoken.KindOf(credential) == opaquetoken.ThirdParty {
		check = a.TPT.Authenticate
	}
	p, err := check(ctx, credential, from)
	return p, tokenFailure(err)
}

package securityapi

import (
	"context"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/domain"
)

// NewLocal returns the Security API for the control socket, with the routes that only the socket has. Every request
// acts as the operator, whatever credentials it has, and a failure includes its cause: serve it on a listener that only
// the operator can reach.
func NewLocal(s *core.Services, c Config) (httpserver.API, error) {
	a := &api{s, c}
	routes, err := a.declare(a.routes())
	return httpserver.API{
		Name: "local", Prefix: Base, Routes: routes, Authenticate: operator, Denied: s.AuditAccess.Denied,
		Failure: httpserver.FailureWithCause,
	}, err
}

func operator(_ context.Context, _ string, from domain.Origin) (domain.Principal, error) {
	by := domain.Operator()
	by.Origin = from
	return by, nil
}

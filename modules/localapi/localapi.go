// Package localapi wires the operator API: the Security API with the operator as its principal. A running server serves
// it on the control socket. A command without a server serves it to itself, inside its own process.
package localapi

import (
	"context"
	"net"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/controlsocket"
	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/ports"
)

// Module serves the operator API on the control socket while the service runs.
var Module = fx.Module("localapi", fx.Invoke(func(d deps) error {
	return serve(d, d.Log.Named("local"), func(ctx context.Context) (net.Listener, error) {
		return controlsocket.Listen(ctx, d.Config.DataDir)
	})
}))

const (
	// longestOperation limits an operation that reports no progress, such as the removal of old audit entries.
	longestOperation = time.Hour
	// bodyLimit is enough for a thousand checkpoints of the audit log.
	bodyLimit = 16 << 20
)

// deps include the store: its owner owns the data directory, so the socket opens after the store.
type deps struct {
	fx.In
	Lifecycle fx.Lifecycle
	Config    config.Config
	Storage   ports.Storage
	Clock     ports.Clock
	Log       *zap.Logger
	Services  *core.Services
}

func serve(d deps, log *zap.Logger, listen func(context.Context) (net.Listener, error)) error {
	api, err := securityapi.NewLocal(d.Services,
		securityapi.Config{Link: linkpages.Identity(d.Config.HTTP.PublicURL).Link})
	if err != nil {
		return err
	}
	server, err := httpserver.New(httpserver.Config{
		Listen: listen, ControlSocket: true, Ready: d.Storage.Maintenance.Ping, Clock: d.Clock, Log: log,
		HandlerTimeout: longestOperation, BodyLimit: bodyLimit,
	}, api)
	if err != nil {
		return err
	}
	d.Lifecycle.Append(fx.Hook{OnStart: server.Open, OnStop: server.Close})
	return nil
}

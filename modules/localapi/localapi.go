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

// Socket serves the operator API on the control socket while the service runs.
var Socket = fx.Module("localapi", fx.Invoke(func(n needs) error {
	return serve(n, n.Log.Named("local"), func(ctx context.Context) (net.Listener, error) {
		return controlsocket.Listen(ctx, n.Config.DataDir)
	})
}))

const (
	// longestOperation limits an operation that reports no progress, such as the removal of old audit entries.
	longestOperation = time.Hour
	// bodyLimit is enough for a thousand checkpoints of the audit log.
	bodyLimit = 16 << 20
)

// The owner of the store owns the data directory, so the socket opens after the store.
type needs struct {
	fx.In
	Lifecycle fx.Lifecycle
	Config    config.Config
	Storage   ports.Storage
	Clock     ports.Clock
	Log       *zap.Logger
	Services  *core.Services
}

func serve(n needs, log *zap.Logger, listen func(context.Context) (net.Listener, error)) error {
	api, err := securityapi.NewLocal(n.Services, securityapi.Config{Link: linkpages.Identity(n.Config.HTTP.PublicURL).Link})
	if err != nil {
		return err
	}
	server, err := httpserver.New(httpserver.Config{
		Listen: listen, ControlSocket: true, Ready: n.Storage.Maintenance.Ping, Clock: n.Clock, Log: log,
		HandlerTimeout: longestOperation, BodyLimit: bodyLimit,
	}, api)
	if err != nil {
		return err
	}
	n.Lifecycle.Append(fx.Hook{OnStart: server.Open, OnStop: server.Close})
	return nil
}

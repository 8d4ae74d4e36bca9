package localapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/controlsocket"
	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/fault"
)

// Session is a connection to the operator API until Close.
type Session struct {
	*http.Transport

	stop func(ctx context.Context) error
}

// Close ends the session. It closes the store if the session opened it.
func (s *Session) Close(ctx context.Context) error {
	s.CloseIdleConnections()
	return s.stop(ctx)
}

// ErrNoServer means that no server owns the data directory.
var ErrNoServer = controlsocket.ErrNoServer

// Dial returns a session with the server that owns the data directory, or ErrNoServer.
func Dial(ctx context.Context, c config.Config) (*Session, error) {
	transport, err := controlsocket.Dial(ctx, c.DataDir)
	if err != nil {
		return nil, err
	}
	return &Session{transport, func(context.Context) error { return nil }}, nil
}

const (
	inUseTimeout = 5 * time.Second
	inUsePause   = 100 * time.Millisecond
)

// Open returns a session with the server of the data directory, or else with the services in this process, which parts
// provide. It waits for another command that uses the directory.
func Open(ctx context.Context, c config.Config, parts fx.Option) (*Session, error) {
	deadline := time.Now().Add(inUseTimeout)
	for {
		session, err := Dial(ctx, c)
		if !errors.Is(err, ErrNoServer) {
			return session, err
		}
		session, err = openOwn(ctx, parts)
		if !errors.Is(err, sqlitestore.ErrInUse) || time.Now().After(deadline) {
			return session, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(inUsePause):
		}
	}
}

// openOwn starts the services in this process. A failure includes its cause.
func openOwn(ctx context.Context, parts fx.Option) (*Session, error) {
	memory := controlsocket.NewMemory()
	app, err := start(ctx, parts, fx.Invoke(func(d deps) error { //nolint:contextcheck // a handler gets the context of its request
		return serve(d, zap.NewNop(), func(context.Context) (net.Listener, error) { return memory, nil })
	}))
	if err != nil {
		return nil, err
	}
	return &Session{memory.Transport(), app.Stop}, nil
}

// start starts the parts, which do not log.
func start(ctx context.Context, parts ...fx.Option) (*fx.App, error) {
	app := fx.New(append(parts, fx.NopLogger)...)
	if err := app.Err(); err != nil {
		return nil, errors.Join(dig.RootCause(err), app.Stop(ctx))
	}
	if err := app.Start(ctx); err != nil {
		return nil, dig.RootCause(err) // parts that had started are stopped by then
	}
	return app, nil
}

// Failure returns an error of a session that could not be opened, or of another operation in this process, as a
// response of the API.
func Failure(err error) (status int, body []byte) {
	f := fault.Of(err)
	body, err = httpserver.FailureWithCause(f, "")
	if err != nil {
		body = nil // a fault of text alone always has a body
	}
	return httpserver.StatusOf(f.Kind), body
}

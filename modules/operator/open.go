package operator

import (
	"context"
	"errors"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/console"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/config"
)

// Session is a connection for operations until Close.
type Session struct {
	Caller
	close func(ctx context.Context) error
}

// Close ends the session. It closes the store if the session opened it.
func (s *Session) Close(ctx context.Context) error { return s.close(ctx) }

const (
	patience = 5 * time.Second
	pause    = 100 * time.Millisecond
)

// Open returns a session with the server of the data directory, or else with services in this process, which parts
// provide together with Module. It waits for another command that uses the directory.
func Open(ctx context.Context, c config.Config, parts fx.Option) (*Session, error) {
	deadline := time.Now().Add(patience)
	for {
		client, err := console.Dial(ctx, c.DataDir)
		if err == nil {
			return &Session{client, func(context.Context) error { client.Close(); return nil }}, nil
		}
		if !errors.Is(err, console.ErrNoServer) {
			return nil, err
		}
		session, err := openOwn(ctx, parts, Module)
		if !errors.Is(err, sqlitestore.ErrInUse) || time.Now().After(deadline) {
			return session, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// OpenDirectories returns a session with the configured directories only, which parts provide. It needs no store and
// no server. Errors in their settings are returned as config.Mistakes.
func OpenDirectories(ctx context.Context, parts fx.Option) (*Session, error) {
	return openOwn(ctx, parts, fx.Provide(newOfflineConsole))
}

// openOwn starts the given parts in this process.
func openOwn(ctx context.Context, parts ...fx.Option) (*Session, error) {
	var own *console.Console
	app := fx.New(append(parts, fx.Populate(&own), fx.NopLogger)...)
	if err := app.Err(); err != nil {
		return nil, errors.Join(dig.RootCause(err), app.Stop(ctx))
	}
	if err := app.Start(ctx); err != nil {
		return nil, dig.RootCause(err) // parts that had started are stopped by then
	}
	return &Session{own, app.Stop}, nil
}

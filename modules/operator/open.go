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

// Session is what operations are called on until Close.
type Session struct {
	Caller
	close func(ctx context.Context) error
}

// Close ends the session and frees the store, where it was ours.
func (s *Session) Close(ctx context.Context) error { return s.close(ctx) }

const (
	patience = 5 * time.Second
	pause    = 100 * time.Millisecond
)

// Open returns a session on the server that holds the data directory, or else on services in this process, which parts
// provide together with Module. Another command that has the directory at this moment is waited for.
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

// OpenDirectories returns a session on the configured directories alone, which parts provide: it needs no store, and no server.
// What is wrong with their settings comes as config.Mistakes.
func OpenDirectories(ctx context.Context, parts fx.Option) (*Session, error) {
	return openOwn(ctx, parts, fx.Provide(newOfflineConsole))
}

// openOwn starts what own is made of in this process.
func openOwn(ctx context.Context, parts ...fx.Option) (*Session, error) {
	var own *console.Console
	app := fx.New(append(parts, fx.Populate(&own), fx.NopLogger)...)
	if err := app.Err(); err != nil {
		return nil, errors.Join(dig.RootCause(err), app.Stop(ctx))
	}
	if err := app.Start(ctx); err != nil {
		return nil, dig.RootCause(err) // what had started is stopped by then
	}
	return &Session{own, app.Stop}, nil
}

package operator

import (
	"context"
	"errors"

	"go.uber.org/dig"
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/console"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/modules/localapi"
)

// Session is a connection for operations until Close.
type Session struct {
	Caller
	close func(ctx context.Context) error
}

// Close ends the session. It closes the store if the session opened it.
func (s *Session) Close(ctx context.Context) error { return s.close(ctx) }

// Open returns a session with the operator API.
func Open(ctx context.Context, c config.Config, parts fx.Option) (*Session, error) {
	session, err := localapi.Open(ctx, c, parts)
	if err != nil {
		return nil, err
	}
	return &Session{console.NewClient(session), session.Close}, nil
}

// OpenDirectories returns a session with the configured directories only, which parts provide. It needs no store and
// no server. Errors in their settings are returned as config.Mistakes.
func OpenDirectories(ctx context.Context, parts fx.Option) (*Session, error) {
	var own *console.Console
	app := fx.New(parts, fx.Provide(newOfflineConsole), fx.Populate(&own), fx.NopLogger)
	if err := app.Err(); err != nil {
		return nil, errors.Join(dig.RootCause(err), app.Stop(ctx))
	}
	if err := app.Start(ctx); err != nil {
		return nil, dig.RootCause(err) // parts that had started are stopped by then
	}
	return &Session{own, app.Stop}, nil
}

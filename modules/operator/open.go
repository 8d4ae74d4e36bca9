package operator

import (
	"context"

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

package operator

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/adapters/console"
	"github.com/ostiary/ostiary/adapters/controlsocket"
	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/domain"
)

// LockoutPolicy is the lockout policy and its origin.
type LockoutPolicy struct {
	console.Lockout
	// Stored reports that these are the installation's settings. Otherwise they are the defaults, because there is no
	// installation yet or, with a Problem, because its settings could not be read.
	Stored  bool   `json:"stored"`
	Problem string `json:"problem,omitempty"`
}

// ReadLockout asks the server of the data directory, or reads the configured store. It is read-only and reports a
// failure in Problem.
func ReadLockout(ctx context.Context, c config.Config) LockoutPolicy {
	policy := LockoutPolicy{Lockout: console.NewLockout(domain.DefaultSettings().Lockout)}
	read, found, err := readLockout(ctx, c)
	switch {
	case err != nil:
		policy.Problem = err.Error()
	case found:
		policy.Lockout, policy.Stored = read, true
	}
	return policy
}

func readLockout(ctx context.Context, c config.Config) (read console.Lockout, found bool, err error) {
	transport, err := controlsocket.Dial(ctx, c.DataDir)
	if err == nil {
		defer transport.CloseIdleConnections()
		read, err = console.LockoutRead.Call(ctx, console.NewClient(transport), struct{}{}, nil)
		return read, err == nil, err
	}
	if !errors.Is(err, controlsocket.ErrNoServer) {
		return console.Lockout{}, false, err
	}
	settings, found, err := peekSettings(ctx, c)
	return console.NewLockout(settings.Lockout), found, err
}

func peekSettings(ctx context.Context, c config.Config) (settings domain.Settings, found bool, err error) {
	if c.Storage.Driver == config.StorageMongoDB {
		m := c.Storage.MongoDB
		return mongostore.ReadSettings(ctx, mongostore.Config{URI: m.URI.Reveal(), Database: m.Database, Clock: sysclock.Clock{}})
	}
	return sqlitestore.ReadSettings(ctx, c.DataDir)
}

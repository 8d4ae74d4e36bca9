package localapi

import (
	"context"

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/modules/storage"
	"github.com/ostiary/ostiary/ports"
)

// Collision is a name that several users or groups have.
type Collision = domain.Collision

// CollisionGroup is the kind of a name that several groups have.
const CollisionGroup = domain.CollisionGroup

// ReadCollisions returns the names that several users or groups of the configured store have, also while a server runs.
// It is read-only. found is false if there is no installation.
func ReadCollisions(ctx context.Context, c config.Config) (all []Collision, found bool, err error) {
	if c.Storage.Driver == config.StorageMongoDB {
		all, found, err = mongostore.ReadCollisions(ctx, mongo(c))
		return all, found, storage.Mistaken(err)
	}
	return sqlitestore.ReadCollisions(ctx, c.DataDir)
}

// Lockout is the number of failures that lock an account, from one source and from all.
type Lockout struct {
	MaxAttempts        int `json:"max_attempts"`
	AccountMaxAttempts int `json:"account_max_attempts"`
}

// DefaultLockout returns the policy of a new installation.
func DefaultLockout() Lockout { return lockoutOf(domain.DefaultSettings()) }

// ReadLockout returns the policy in the configured store, which no server may own. It is read-only. found is false if
// there is no installation.
func ReadLockout(ctx context.Context, c config.Config) (policy Lockout, found bool, err error) {
	read := func() (domain.Settings, bool, error) { return sqlitestore.ReadSettings(ctx, c.DataDir) }
	if c.Storage.Driver == config.StorageMongoDB {
		read = func() (domain.Settings, bool, error) { return mongostore.ReadSettings(ctx, mongo(c)) }
	}
	settings, found, err := read()
	return lockoutOf(settings), found, storage.Mistaken(err)
}

func lockoutOf(s domain.Settings) Lockout {
	return Lockout{MaxAttempts: s.Lockout.MaxAttempts, AccountMaxAttempts: s.Lockout.AccountMaxAttempts}
}

func mongo(c config.Config) mongostore.Config {
	m := c.Storage.MongoDB
	return mongostore.Config{URI: m.URI.Reveal(), Database: m.Database, Clock: sysclock.Clock{}}
}

// DirectoryLockout is the lockout policy of a directory. Problem says why it could not be read.
type DirectoryLockout struct {
	ID        string `json:"id"`
	Threshold int    `json:"threshold"` // wrong passwords; 0: never
	Problem   string `json:"problem,omitempty"`
}

// ReadDirectories opens the configured directories, which parts provide, and with query reads their lockout policies.
// It needs no store and no server. Errors in their settings are returned as config.Mistakes.
func ReadDirectories(ctx context.Context, parts fx.Option, query bool) (all []DirectoryLockout, err error) {
	var registry *directory.Registry
	app, err := start(ctx, parts, fx.Populate(&registry))
	if err != nil {
		return nil, err
	}
	if query {
		all = lockoutsOf(ctx, registry)
	}
	return all, app.Stop(context.WithoutCancel(ctx))
}

func lockoutsOf(ctx context.Context, registry *directory.Registry) (all []DirectoryLockout) {
	for _, d := range registry.All() {
		reader, ok := d.(ports.LockoutReader)
		if !ok {
			continue
		}
		read := DirectoryLockout{ID: string(d.ID())}
		threshold, err := reader.LockoutThreshold(ctx)
		if err != nil {
			read.Problem = err.Error()
		}
		read.Threshold = threshold
		all = append(all, read)
	}
	return all
}

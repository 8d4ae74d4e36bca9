package storage

import (
	"context"

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/ports"
)

// Module returns the store of the configured driver.
func Module(c config.Config) fx.Option {
	if c.Storage.Driver == config.StorageMongoDB {
		return MongoDB
	}
	return SQLite
}

// MongoDB provides the storage ports on a MongoDB that several nodes share.
var MongoDB = fx.Module("storage.mongodb",
	fx.Provide(
		openMongoDB,
		fx.Annotate((*mongostore.Store).Users, fx.As(new(ports.UserStore))),
		fx.Annotate((*mongostore.Store).Sessions, fx.As(new(ports.SessionStore))),
		fx.Annotate((*mongostore.Store).View, fx.As(new(ports.SessionView)), fx.As(new(ports.LoginView)), fx.As(new(ports.KeyView))),
		fx.Annotate((*mongostore.Store).Keys, fx.As(new(ports.APIKeyStore))),
		fx.Annotate((*mongostore.Store).Tokens, fx.As(new(ports.ThirdPartyTokenStore))),
		fx.Annotate((*mongostore.Store).CatalogStore, fx.As(new(ports.RoleStore)), fx.As(new(ports.GroupStore)),
			fx.As(new(ports.SettingsStore)), fx.As(new(ports.CatalogView))),
		fx.Annotate((*mongostore.Store).Guards, fx.As(new(ports.AttemptStore)), fx.As(new(ports.RateLimiter)),
			fx.As(new(ports.SingleUseStore)), fx.As(new(ports.IdempotencyStore)), fx.As(new(ports.AdminGuard))),
		fx.Annotate((*mongostore.Store).Audit, fx.As(new(ports.AuditLog)), fx.As(new(ports.AuditSealStore)),
			fx.As(new(ports.AuditProofs)), fx.As(new(ports.AuditEraser))),
		fx.Annotate((*mongostore.Store).Messages, fx.As(new(ports.MessageQueue))),
		fx.Annotate((*mongostore.Store).SigningKeyStore, fx.As(new(ports.SigningKeyStore))),
		fx.Annotate((*mongostore.Store).SyncPositions, fx.As(new(ports.SyncPositionStore))),
		func(s *mongostore.Store) ports.Maintenance { return s },
	),
)

func openMongoDB(lc fx.Lifecycle, c config.Config, clock ports.Clock, sealer ports.Sealer) (*mongostore.Store, error) {
	m := c.Storage.MongoDB
	store, err := mongostore.Open(context.Background(), mongostore.Config{
		URI: m.URI.Reveal(), Database: m.Database, Lease: mongostore.LeaseFor, MaxSkew: mongostore.MaxSkew, Strict: m.StrictVerify, Clock: clock,
	})
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(store.Close))
	return store, markEntries(store, audit.NewSigner(store.Audit(), sealer))
}

// Package storage wires the configured store to the storage ports.
package storage

import (
	"context"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/ports"
)

// SQLite provides the storage ports on the embedded database. It opens during construction and not with the
// lifecycle, since its dependents (signing keys, the catalog) read it during theirs.
var SQLite = fx.Module("storage.sqlite",
	fx.Provide(
		newInstallation,
		openSQLite,
		markUsers,
		fx.Annotate((*sqlitestore.Store).Users, fx.As(new(ports.UserStore))),
		fx.Annotate((*sqlitestore.Store).Sessions, fx.As(new(ports.SessionStore))),
		fx.Annotate((*sqlitestore.Store).View, fx.As(new(ports.SessionView)), fx.As(new(ports.LoginView)), fx.As(new(ports.KeyView))),
		fx.Annotate((*sqlitestore.Store).Keys, fx.As(new(ports.APIKeyStore))),
		fx.Annotate((*sqlitestore.Store).Tokens, fx.As(new(ports.ThirdPartyTokenStore))),
		fx.Annotate((*sqlitestore.Store).CatalogStore, fx.As(new(ports.RoleStore)), fx.As(new(ports.GroupStore)),
			fx.As(new(ports.SettingsStore)), fx.As(new(ports.CatalogView))),
		fx.Annotate((*sqlitestore.Store).Guards, fx.As(new(ports.AttemptStore)), fx.As(new(ports.RateLimiter)),
			fx.As(new(ports.SingleUseStore)), fx.As(new(ports.IdempotencyStore)), fx.As(new(ports.AdminGuard))),
		fx.Annotate((*sqlitestore.Store).Audit, fx.As(new(ports.AuditLog)), fx.As(new(ports.AuditSealStore)),
			fx.As(new(ports.AuditProofs)), fx.As(new(ports.AuditEraser))),
		fx.Annotate((*sqlitestore.Store).Messages, fx.As(new(ports.MessageQueue))),
		fx.Annotate((*sqlitestore.Store).SigningKeyStore, fx.As(new(ports.SigningKeyStore))),
		fx.Annotate((*sqlitestore.Store).SyncPositions, fx.As(new(ports.SyncPositionStore))),
		func(s *sqlitestore.Store) ports.Maintenance { return s },
	),
)

// openSQLite depends on the sealer so that the key file is created before the database.
func openSQLite(
	lc fx.Lifecycle, c config.Config, clock ports.Clock, sealer ports.Sealer, in *installation, log *zap.Logger,
) (*sqlitestore.Store, error) {
	ctx := context.Background()
	if warning := in.warning(); warning != "" {
		log.Warn(warning)
	}
	store, err := sqlitestore.Open(ctx, sqlitestore.Config{Dir: c.DataDir, Clock: clock, Known: in.known()})
	if err != nil {
		return nil, in.lost(err)
	}
	lc.Append(fx.StopHook(store.Close))
	signer := audit.NewSigner(store.Audit(), sealer)
	if err := markEntries(store, signer); err != nil {
		return nil, err
	}
	id, err := signer.PublicKey(ctx)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(in.update)) // before the store closes
	return store, in.opened(ctx, store, id)
}

// markEntries configures the store to mark audit entries under the log's own key.
func markEntries(store interface{ MarkEntries(m ports.AuditMarker) }, signer *audit.Signer) error {
	marker, err := signer.Marker(context.Background())
	if err != nil {
		return err
	}
	store.MarkEntries(marker)
	return nil
}

// Package storage opens the configured store and the keys that protect its secrets, and copies one store to another.
package storage

import (
	"context"
	"errors"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the storage ports, the sealer and the access tokens. The store opens during construction and not
// with the lifecycle, since its dependents read it during theirs.
var Module = fx.Module("storage", fx.Provide(newSealer, newTokens, open))

type deps struct {
	fx.In
	Lifecycle fx.Lifecycle
	Config    config.Config
	Clock     ports.Clock
	Sealer    ports.Sealer
	Log       *zap.Logger
}

// opened is the opened store.
type opened struct {
	fx.Out
	Storage      ports.Storage
	Installation *Installation // nil on MongoDB
}

func open(d deps) (opened, error) {
	if d.Config.Storage.Driver == config.StorageMongoDB {
		return openMongoDB(d)
	}
	return openSQLite(d)
}

// Mistaken returns an error about the connection string of MongoDB as a mistake in the configuration.
func Mistaken(err error) error {
	if wrong, ok := errors.AsType[*mongostore.MisconfiguredError](err); ok {
		return config.Mistakes{{Key: "storage.mongodb.uri", Problem: wrong.Reason}}
	}
	return err
}

// migrating logs the progress of a schema migration.
func (d *deps) migrating(step string, number, of int, took time.Duration) {
	d.Log.Info("migrating the database", zap.String("step", step), zap.Int("number", number), zap.Int("of", of),
		zap.Duration("took", took.Round(time.Second)))
}

func openMongoDB(d deps) (opened, error) {
	m := d.Config.Storage.MongoDB
	store, err := mongostore.Open(context.Background(), mongostore.Config{
		URI: m.URI.Reveal(), Database: m.Database, Lease: mongostore.LeaseFor, MaxSkew: mongostore.MaxSkew,
		Strict: m.StrictVerify, Clock: d.Clock, Migrating: d.migrating,
	})
	if err != nil {
		return opened{}, Mistaken(err)
	}
	d.Lifecycle.Append(fx.StopHook(store.Close))
	_, err = markEntries(store, store.Audit(), d.Sealer)
	return opened{Storage: store.Ports()}, err
}

func openSQLite(d deps) (opened, error) {
	ctx := context.Background()
	in, err := readInstallation(d.Config)
	if err != nil {
		return opened{}, err
	}
	if warning := in.warning(); warning != "" {
		d.Log.Warn(warning)
	}
	store, err := sqlitestore.Open(ctx, sqlitestore.Config{
		Dir: d.Config.DataDir, Clock: d.Clock, Known: in.known(), Migrating: d.migrating,
	})
	if err != nil {
		return opened{}, in.lost(err)
	}
	d.Lifecycle.Append(fx.StopHook(store.Close))
	signer, err := markEntries(store, store.Audit(), d.Sealer)
	if err != nil {
		return opened{}, err
	}
	id, err := signer.PublicKey(ctx)
	if err != nil {
		return opened{}, err
	}
	d.Lifecycle.Append(fx.StopHook(in.Mark)) // before the store closes
	return opened{Storage: store.Ports(), Installation: in}, in.opened(ctx, store, id)
}

// markEntries configures the store to mark audit entries under the log's own key, from the first entry on.
func markEntries(
	store interface{ MarkEntries(m ports.AuditMarker) }, seals ports.AuditSealStore, sealer ports.Sealer,
) (*audit.Signer, error) {
	signer := audit.NewSigner(seals, sealer)
	marker, err := signer.Marker(context.Background())
	if err != nil {
		return nil, err
	}
	store.MarkEntries(marker)
	return signer, nil
}

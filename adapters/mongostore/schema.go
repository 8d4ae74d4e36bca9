package mongostore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

// step is one step of the schema migration. It can be repeated after a crash in the middle.
type step struct {
	name string
	run  func(context.Context, *Store) error
}

// steps are the migration steps in order; their number is the schema version. A released step must never be changed.
var steps = []step{
	{"create the indexes", createIndexes(1)},
	{"insert roles, settings and the head of the catalog", seed},
	{"create the index of live API keys", createIndexes(3)},
	{"create the indexes of names", createIndexes(4)},
	{"create the indexes of the search", createSearch},
}

const (
	// migrateFor is the duration of the lease of a migration. Its holder renews it every renewEvery.
	migrateFor   = 5 * time.Minute
	migratePause = 100 * time.Millisecond
)

// ErrNewerSchema means that a later version of the program has migrated the database. This version would damage it.
var ErrNewerSchema = errors.New("mongostore: the database was written by a later version of Ostiary")

// cachedSchema is added to the version of a database whose nodes may cache; see EnableCache. Versions of the program
// that do not wait for caches know no such version and refuse the database.
const cachedSchema = 1000

type schemaDocument struct {
	Version int    `bson:"version"` // the number of the steps, and cachedSchema
	Holder  string `bson:"holder"`
	Until   int64  `bson:"until"`
}

func (d schemaDocument) steps() int { return d.Version % cachedSchema }

func (d schemaDocument) cached() bool { return d.Version >= cachedSchema }

// migrate upgrades the schema to the current version. If several nodes start together, one gets the lease and runs the
// steps, and the others wait for it, for as long as it takes. A new database is for nodes that cache.
func (s *Store) migrate(ctx context.Context) error {
	holder := s.nonce()
	for began := monotonic(); ; {
		schema, err := s.schema(ctx)
		switch {
		case err != nil:
			return err
		case schema.steps() > len(steps) || schema.Version >= 2*cachedSchema:
			return ErrNewerSchema
		case schema.Version > 0 && schema.steps() == len(steps):
			return s.cluster.create(ctx, schema.cached())
		}
		held, err := s.leaseSchema(ctx, holder)
		if err != nil {
			return err
		}
		if held {
			// Another node may have finished between the read and the lease.
			if schema, err = s.schema(ctx); err != nil {
				return err
			}
			err := errors.Join(s.runSteps(ctx, holder, schema.Version), s.freeSchema(ctx, holder))
			if err != nil {
				return err
			}
			continue
		}
		if err := s.awaitMigration(ctx, began); err != nil {
			return fmt.Errorf("waiting for another node to migrate the database: %w", err)
		}
	}
}

func (s *Store) schema(ctx context.Context) (schemaDocument, error) {
	var d schemaDocument
	_, err := s.readOne(ctx, s.db.Collection(metaName), bson.D{{Key: "_id", Value: schemaID}}, &d)
	return d, err
}

// leaseSchema takes the lease if no other node holds it.
func (s *Store) leaseSchema(ctx context.Context, holder string) (bool, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	now := s.now()
	_, err := s.db.Collection(metaName).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: schemaID}, {Key: "until", Value: bson.D{{Key: "$lt", Value: nanos(now)}}}},
		bson.D{
			{Key: "$set", Value: bson.D{{Key: "holder", Value: holder}, {Key: "until", Value: nanos(now.Add(migrateFor))}}},
			{Key: "$setOnInsert", Value: bson.D{{Key: "version", Value: cachedSchema}}},
		}, options.UpdateOne().SetUpsert(true))
	if isDuplicate(err) {
		return false, nil // another node holds it
	}
	return err == nil, failed("leasing the schema", err)
}

func (s *Store) runSteps(ctx context.Context, holder string, version int) error {
	for ; version%cachedSchema < len(steps); version++ {
		number := version % cachedSchema
		if err := s.runStep(ctx, holder, number); err != nil {
			return fmt.Errorf("migrating the database: %s: %w", steps[number].name, err)
		}
		until := nanos(s.now().Add(migrateFor))
		result, err := s.db.Collection(metaName).UpdateOne(ctx,
			bson.D{{Key: "_id", Value: schemaID}, {Key: "holder", Value: holder}, {Key: "version", Value: version}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: version + 1}, {Key: "until", Value: until}}}})
		if err != nil {
			return failed("writing the schema's version", err)
		}
		if result.MatchedCount == 0 {
			return errors.New("migrating the database: another node took over the lease")
		}
	}
	return nil
}

// freeSchema releases the lease, so that this node can also start again after a failure.
func (s *Store) freeSchema(ctx context.Context, holder string) error {
	ctx, cancel := s.bound(detached(ctx))
	defer cancel()
	_, err := s.db.Collection(metaName).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: schemaID}, {Key: "holder", Value: holder}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: int64(0)}}}})
	return failed("releasing the lease of the schema", err)
}

// seed inserts the documents that every installation needs and keeps existing ones.
func seed(ctx context.Context, s *Store) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	docs := []any{bson.D{{Key: "_id", Value: headID}, {Key: "n", Value: int64(1)}}}
	settings := domain.DefaultSettings()
	raw, err := settingsForm.encode(&settings)
	if err != nil {
		return err
	}
	docs = append(docs, bson.D{{Key: "_id", Value: settingsID}, {Key: "v", Value: int64(1)}, {Key: "doc", Value: raw}})
	for _, role := range domain.BuiltInRoles() {
		raw, err := roleForm.encode(&role)
		if err != nil {
			return err
		}
		docs = append(docs, bson.D{
			{Key: "_id", Value: rolePrefix + string(role.ID)},
			{Key: "v", Value: int64(1)},
			{Key: "doc", Value: raw},
		})
	}
	return insertOnce(ctx, s.db.Collection(catalogName), docs)
}

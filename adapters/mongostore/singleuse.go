package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// putExpired inserts a document or replaces an expired one; an unexpired one is a duplicate. Two concurrent inserts
// both find no document, so the write is tried again after a duplicate.
func (s *Store) putExpired(ctx context.Context, collection, id string, now time.Time, set bson.D) error {
	filter := bson.D{{Key: "_id", Value: id}, {Key: "expires", Value: bson.D{{Key: "$lte", Value: nanos(now)}}}}
	var err error
	for range 2 {
		_, err = s.db.Collection(collection).UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: set}}, options.UpdateOne().SetUpsert(true))
		if !isDuplicate(err) && !isConflict(err) {
			break
		}
	}
	return err
}

// Put stores value under key until it expires. It replaces an expired value.
func (g *Guards) Put(ctx context.Context, key string, value []byte, expires time.Time) error {
	if value == nil {
		value = []byte{}
	}
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	err := g.s.putExpired(ctx, onceName, key, g.s.now(), bson.D{
		{Key: "value", Value: value}, {Key: "expires", Value: nanos(expires)}, {Key: "ttl", Value: sweepAt(expires)},
	})
	if isDuplicate(err) {
		return fault.ErrConflict
	}
	return failed("storing a single-use token", err)
}

// Consume returns the value and removes it atomically. If the reply is lost, the token counts as consumed.
func (g *Guards) Consume(ctx context.Context, key string, now time.Time) ([]byte, error) {
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	var kept onceDocument
	err := g.s.db.Collection(onceName).FindOneAndDelete(ctx, bson.D{
		{Key: "_id", Value: key}, {Key: "expires", Value: bson.D{{Key: "$gt", Value: nanos(now)}}},
	}).Decode(&kept)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, fault.ErrNotFound
	}
	return kept.Value, failed("consuming a single-use token", err)
}

// onceDocument is a single-use token.
type onceDocument struct {
	Key     string    `bson:"_id"`
	Value   []byte    `bson:"value"`
	Expires time.Time `bson:"expires"`
	TTL     any       `bson:"ttl"`
}

type idempotencyDocument struct {
	Doc records.Idempotency `bson:"doc"`
}

func idempotencyFields(record domain.IdempotencyRecord) bson.D {
	return bson.D{
		{Key: "doc", Value: records.NewIdempotency(&record)}, {Key: "expires", Value: nanos(record.ExpiresAt)}, {Key: "ttl", Value: sweepAt(record.ExpiresAt)},
	}
}

// Begin reserves the key, or returns the record of the first request with it.
func (g *Guards) Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord, error) {
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	for range maxRaces {
		err := g.s.putExpired(ctx, idempotencyName, record.Key, record.StartedAt, idempotencyFields(record))
		if !isDuplicate(err) {
			return nil, failed("reserving an idempotency key", err)
		}
		var first idempotencyDocument
		err = g.s.db.Collection(idempotencyName).FindOne(ctx, bson.D{{Key: "_id", Value: record.Key}}).Decode(&first)
		if errors.Is(err, mongo.ErrNoDocuments) {
			continue // abandoned meanwhile
		}
		if err != nil {
			return nil, failed("reserving an idempotency key", err)
		}
		stored := first.Doc.Domain()
		return &stored, nil
	}
	return nil, failed("reserving an idempotency key", errLostRace)
}

// Complete stores the response to the first request.
func (g *Guards) Complete(ctx context.Context, record domain.IdempotencyRecord) error {
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	var err error
	for range 2 {
		_, err = g.s.db.Collection(idempotencyName).UpdateOne(ctx, bson.D{{Key: "_id", Value: record.Key}},
			bson.D{{Key: "$set", Value: idempotencyFields(record)}}, options.UpdateOne().SetUpsert(true))
		if !isDuplicate(err) && !isConflict(err) {
			break
		}
	}
	return failed("storing a response", err)
}

// Abandon deletes the key.
func (g *Guards) Abandon(ctx context.Context, key string) error {
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	_, err := g.s.db.Collection(idempotencyName).DeleteOne(ctx, bson.D{{Key: "_id", Value: key}})
	return failed("deleting an idempotency key", err)
}

package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/fault"
)

// SingleUseStore implements ports.SingleUseStore.
type SingleUseStore struct{ s *Store }

// SingleUseStore returns the store of single-use values.
func (s *Store) SingleUseStore() *SingleUseStore { return &SingleUseStore{s} }

// upsert updates the document that the filter matches, or inserts one. Two concurrent inserts both find no document, so
// the write is tried again after a duplicate.
func (s *Store) upsert(ctx context.Context, collection string, filter, update bson.D) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	var err error
	for range 2 {
		_, err = s.db.Collection(collection).UpdateOne(ctx, filter, update, options.UpdateOne().SetUpsert(true))
		if !isDuplicate(err) && !isConflict(err) {
			break
		}
	}
	return err
}

// putExpired inserts a document or replaces an expired one; an unexpired one is a duplicate.
func (s *Store) putExpired(ctx context.Context, collection, id string, now time.Time, set bson.D) error {
	filter := bson.D{{Key: "_id", Value: id}, {Key: "expires", Value: bson.D{{Key: "$lte", Value: nanos(now)}}}}
	return s.upsert(ctx, collection, filter, bson.D{{Key: "$set", Value: set}})
}

// orEmpty returns an empty value for a missing one.
func orEmpty(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// Put stores value under key until it expires. It replaces an expired value.
func (su *SingleUseStore) Put(ctx context.Context, key string, value []byte, expires time.Time) error {
	value = orEmpty(value)
	err := su.s.putExpired(ctx, onceName, key, su.s.now(), bson.D{
		{Key: "value", Value: value}, {Key: "expires", Value: nanos(expires)}, {Key: "ttl", Value: sweepAt(expires)},
	})
	if isDuplicate(err) {
		return fault.ErrConflict
	}
	return failed("storing a single-use token", err)
}

// Consume returns the value and removes it atomically. If the reply is lost, the token counts as consumed.
func (su *SingleUseStore) Consume(ctx context.Context, key string, now time.Time) ([]byte, error) {
	ctx, cancel := su.s.bound(ctx)
	defer cancel()
	var kept onceDocument
	err := su.s.db.Collection(onceName).FindOneAndDelete(ctx, bson.D{
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

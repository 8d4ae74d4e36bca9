package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// IdempotencyStore implements ports.IdempotencyStore.
type IdempotencyStore struct{ s *Store }

// IdempotencyStore returns the store of stored responses.
func (s *Store) IdempotencyStore() *IdempotencyStore { return &IdempotencyStore{s} }

type idempotencyDocument struct {
	Doc records.Idempotency `bson:"doc"`
}

func idempotencyFields(record domain.IdempotencyRecord) bson.D {
	return bson.D{
		{Key: "doc", Value: records.NewIdempotency(&record)},
		{Key: "expires", Value: nanos(record.ExpiresAt)},
		{Key: "ttl", Value: sweepAt(record.ExpiresAt)},
	}
}

// Begin reserves the key, or returns the record of the first request with it.
func (is *IdempotencyStore) Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord,
	error,
) {
	ctx, cancel := is.s.bound(ctx)
	defer cancel()
	key := bson.D{{Key: "_id", Value: record.Key}}
	for range maxRaces {
		err := is.s.putExpired(ctx, idempotencyName, record.Key, record.StartedAt, idempotencyFields(record))
		if !isDuplicate(err) {
			return nil, failed("reserving an idempotency key", err)
		}
		var first idempotencyDocument
		found, err := is.s.readOne(ctx, is.s.db.Collection(idempotencyName), key, &first)
		if err != nil {
			return nil, err
		}
		if found { // else abandoned meanwhile
			stored := first.Doc.Domain()
			return &stored, nil
		}
	}
	return nil, failed("reserving an idempotency key", errLostRace)
}

// Complete stores the response to the first request.
func (is *IdempotencyStore) Complete(ctx context.Context, record domain.IdempotencyRecord) error {
	err := is.s.upsert(ctx, idempotencyName, bson.D{{Key: "_id", Value: record.Key}},
		bson.D{{Key: "$set", Value: idempotencyFields(record)}})
	return failed("storing a response", err)
}

// Abandon deletes the key.
func (is *IdempotencyStore) Abandon(ctx context.Context, key string) error {
	ctx, cancel := is.s.bound(ctx)
	defer cancel()
	_, err := is.s.db.Collection(idempotencyName).DeleteOne(ctx, bson.D{{Key: "_id", Value: key}})
	return failed("deleting an idempotency key", err)
}

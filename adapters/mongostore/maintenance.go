package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/fault"
)

// expiring lists the collections whose documents have an expiry time.
var expiring = []string{attemptsName, ratesName, onceName, idempotencyName, messagesName}

// Ping returns nil if a majority acknowledges a write and the clocks do not differ too much.
func (s *Store) Ping(ctx context.Context) error {
	if s.skewed.Load() {
		return fault.ErrStorage.Because(errSkewed)
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	_, err := s.db.Collection(metaName).UpdateOne(ctx, bson.D{{Key: "_id", Value: pingID}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}, options.UpdateOne().SetUpsert(true))
	if isDuplicate(err) {
		err = nil // another node inserted the document concurrently: a write succeeded
	}
	return failed("writing a ping", err)
}

// SweepExpired removes expired documents and completes interrupted changes.
func (s *Store) SweepExpired(ctx context.Context, now time.Time) error {
	var errs []error
	for _, name := range expiring {
		ctx, cancel := s.bound(ctx)
		_, err := s.lossy(name).DeleteMany(ctx,
			bson.D{{Key: "ttl", Value: bson.D{{Key: "$lte", Value: bson.NewDateTimeFromTime(now)}}}},
			options.DeleteMany().SetHint("ttl"))
		errs = append(errs, failed("sweeping "+name, err))
		cancel()
	}
	return errors.Join(append(errs, s.FinishOutboxes(ctx))...)
}

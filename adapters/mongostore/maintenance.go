package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// expiring lists the collections whose documents have an expiry time.
var expiring = []string{attemptsName, ratesName, onceName, idempotencyName, messagesName}

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
	return errors.Join(append(errs, s.sweepHolds(ctx, now), s.FinishOutboxes(ctx))...)
}

package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/records"
)

const (
	// flushEvery is how long activity may be in memory only.
	flushEvery = 15 * time.Second
	// flushPause is the pause after a failed flush.
	flushPause = time.Second
)

// runFlushes writes activity periodically, and earlier if many notes wait.
func (s *Store) runFlushes(ctx context.Context) {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.touched.Filled():
		case <-s.used.Filled():
		}
		if err := s.flushTouches(ctx); err != nil { // requests report a database that is unreachable
			_ = sleep(ctx, flushPause)
		}
	}
}

func (s *Store) flushTouches(ctx context.Context) error {
	return errors.Join(s.flush(ctx, s.touched, sessionsName), s.flush(ctx, s.used, keysName))
}

// flush writes the notes in chunks. Each has the timeout of a call.
func (s *Store) flush(ctx context.Context, activity *records.Activity, collection string) error {
	return activity.Flush(ctx, func(ctx context.Context, notes []records.Note) error {
		models := make([]mongo.WriteModel, len(notes))
		for i, n := range notes {
			models[i] = mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: n.ID}}).
				SetUpdate(bson.D{{Key: "$max", Value: bson.D{{Key: "active", Value: n.At}}}})
		}
		ctx, cancel := s.bound(ctx)
		defer cancel()
		_, err := s.lossy(collection).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
		if onlyRefused(err) {
			return nil // the server has written the others, and would refuse these again
		}
		return failed("writing activity", err)
	})
}

// onlyRefused reports whether the server executed the bulk write and refused single writes of it.
func onlyRefused(err error) bool {
	var bulk mongo.BulkWriteException
	return errors.As(err, &bulk) && len(bulk.WriteErrors) > 0 && bulk.WriteConcernError == nil
}

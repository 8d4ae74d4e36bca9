package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const (
	sweepEvery = 15 * time.Second
	// staleAfter is the age at which other nodes complete an outbox: longer than any call may take and than clocks
	// differ.
	staleAfter = 30 * time.Second
	sweepBatch = 100
)

// FinishOutboxes completes interrupted changes: it delivers the items in old outboxes, completes deletions and clears
// the outboxes. Each node runs it periodically; concurrent runs are harmless.
func (s *Store) FinishOutboxes(ctx context.Context) error {
	before := s.now().Add(-staleAfter)
	var errs []error
	for _, finish := range s.finishers {
		errs = append(errs, finish(ctx, before))
	}
	return errors.Join(errs...)
}

// waiting is a document with an outbox.
type waiting struct {
	ID     string `bson:"_id"`
	Gone   bool   `bson:"gone"`
	Outbox []item `bson:"outbox"`
}

func (t *documents) finishOutboxes(ctx context.Context, before time.Time) error {
	found, err := t.staleOutboxes(ctx, before)
	if err != nil {
		return err
	}
	for _, w := range found {
		if err := t.finishOutbox(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (t *documents) staleOutboxes(ctx context.Context, before time.Time) ([]waiting, error) {
	filter := bson.D{{Key: "outbox.at", Value: bson.D{{Key: "$gt", Value: int64(0)}, {Key: "$lt", Value: nanos(before)}}}}
	if t.prefix != "" {
		filter = append(filter,
			bson.E{Key: "_id", Value: bson.D{{Key: "$gte", Value: t.prefix}, {Key: "$lt", Value: t.prefix + "~"}}})
	}
	var found []waiting
	err := t.store.readAll(ctx, t.coll, filter, options.Find().SetHint("outbox").SetLimit(sweepBatch).
		SetProjection(bson.D{{Key: "gone", Value: 1}, {Key: "outbox", Value: 1}}), &found)
	return found, err
}

func (t *documents) finishOutbox(ctx context.Context, w waiting) error {
	ctx, cancel := t.store.bound(ctx)
	defer cancel()
	if w.Gone {
		return t.finishDelete(ctx, w.ID, w.Outbox)
	}
	if err := t.store.deliverItems(ctx, t.coll.Name(), w.ID, w.Outbox); err != nil {
		return err
	}
	t.store.clearBatch(ctx, []clearing{newClearing(t.coll.Name(), w.ID, w.Outbox)})
	return nil
}

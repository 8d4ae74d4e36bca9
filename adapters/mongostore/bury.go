package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
)

// bury turns the thing into a tombstone that carries the outbox, removes what belongs to it, and then the tombstone.
func (t *table[T]) bury(ctx context.Context, id string, condition bson.D, out domain.Outbox) error {
	items, err := t.store.pack(out, t.bumps)
	if err != nil {
		return err
	}
	t.store.seen.forget(t.key(id))
	clean := bson.D{{Key: "doc", Value: ""}, {Key: "active", Value: ""}}
	var empty T
	for _, field := range t.extra(&empty) {
		clean = append(clean, bson.E{Key: field.Key, Value: ""})
	}
	if t.names != nil {
		clean = append(clean, bson.E{Key: "names", Value: ""})
	}
	update := bson.D{
		{Key: "$set", Value: bson.D{{Key: "gone", Value: true}}},
		{Key: "$unset", Value: clean},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
		{Key: "$push", Value: bson.D{{Key: "outbox", Value: bson.D{{Key: "$each", Value: append(items, t.store.tombstone())}}}}},
	}
	filter := append(bson.D{{Key: "_id", Value: t.prefix + id}, {Key: "gone", Value: bson.D{{Key: "$exists", Value: false}}}}, condition...)
	result, err := t.coll.UpdateOne(ctx, filter, update)
	switch {
	case isConflict(err) || err == nil && result.MatchedCount == 0:
		return errLostRace
	case err != nil:
		return failed("deleting from "+t.coll.Name(), err)
	}
	t.store.seen.forget(t.key(id))
	if err := t.finishGone(ctx, t.prefix+id, items); err != nil {
		return err
	}
	return t.outlast(ctx)
}

// finishGone does what is left of a deletion once its tombstone stands.
func (t *table[T]) finishGone(ctx context.Context, id string, items []item) error {
	if t.buried != nil {
		if err := t.buried(ctx, id[len(t.prefix):]); err != nil {
			return err
		}
	}
	if err := t.store.deliverItems(ctx, items); err != nil {
		return err
	}
	_, err := t.coll.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "gone", Value: true}})
	return failed("deleting from "+t.coll.Name(), err)
}

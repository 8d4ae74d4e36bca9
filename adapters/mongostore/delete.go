package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
)

// delete replaces the document with a tombstone that carries the outbox, removes the dependent data, and then removes
// the tombstone.
func (t *table[T]) delete(ctx context.Context, id string, condition bson.D, out domain.Outbox) error {
	var empty T
	fields := bson.D{{Key: "doc"}, {Key: "active"}}
	fields = append(fields, t.fields(&empty)...)
	if t.names != nil {
		fields = append(fields, bson.E{Key: "names"})
	}
	return t.deleteFields(ctx, id, fields, condition, out)
}

func (t *documents) deleteFields(ctx context.Context, id string, fields, condition bson.D, out domain.Outbox) error {
	items, err := t.pack(out, t.cached)
	if err != nil {
		return err
	}
	t.store.documents.Remove(t.key(id))
	clean := bson.D{}
	for _, field := range fields {
		clean = append(clean, bson.E{Key: field.Key, Value: ""})
	}
	update := bson.D{
		{Key: "$set", Value: bson.D{{Key: "gone", Value: true}}},
		{Key: "$unset", Value: clean},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
		{
			Key:   "$push",
			Value: bson.D{{Key: "outbox", Value: bson.D{{Key: "$each", Value: append(items, t.store.tombstone())}}}},
		},
	}
	filter := append(bson.D{
		{Key: "_id", Value: t.prefix + id},
		{Key: "gone", Value: bson.D{{Key: "$exists", Value: false}}},
	}, condition...)
	result, err := t.coll.UpdateOne(ctx, filter, update)
	switch {
	case isConflict(err) || err == nil && result.MatchedCount == 0:
		return errLostRace
	case err != nil:
		return failed("deleting from "+t.coll.Name(), err)
	}
	t.store.documents.Remove(t.key(id))
	if err := t.finishDelete(ctx, t.prefix+id, items); err != nil {
		return err
	}
	return t.waitForLeases(ctx)
}

// finishDelete completes a deletion whose tombstone is stored.
func (t *documents) finishDelete(ctx context.Context, id string, items []item) error {
	if err := t.afterDelete(ctx, id[len(t.prefix):]); err != nil {
		return err
	}
	if err := t.store.deliverItems(ctx, t.coll.Name(), id, items); err != nil {
		return err
	}
	_, err := t.coll.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "gone", Value: true}})
	return failed("deleting from "+t.coll.Name(), err)
}

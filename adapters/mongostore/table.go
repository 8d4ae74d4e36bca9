package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// record is the form of every thing that is changed by closures.
type record struct {
	ID      string   `bson:"_id"`
	Version int64    `bson:"v"`
	Doc     bson.Raw `bson:"doc"`
	Gone    bool     `bson:"gone,omitempty"`
	// Active is the last activity of a session or use of a key, which is written past the version.
	Active int64 `bson:"active,omitempty"`
	// Names are the keys that no two documents share; see table.names.
	Names []string `bson:"names,omitempty"`
}

// hidden leaves out of a read what only the server needs.
var hidden = bson.D{{Key: "outbox", Value: 0}, {Key: "grams", Value: 0}}

// table is a collection, or the part of one with a prefix, that holds things of one kind. Functions that a kind does not
// need are nil.
type table[T any] struct {
	store  *Store
	form   codec[T]
	coll   *mongo.Collection
	prefix string // of _id
	absent error  // nil: an absent thing is an empty one, and the first change makes it

	// exists turns a duplicate key into the domain's failure.
	exists func(error) error
	// fields are further members at the top of the document.
	fields func(*T) bson.D
	// names are the keys of the thing that no two documents may share, of whatever kind. A unique index over an array decides
	// between writes of one moment; guard looks for those who were there before. A document from before that rule may lack
	// names, and keeps out those that it had and another document holds.
	names func(*T) []string
	// overlay brings what is written past the version into a thing that was read.
	overlay func(thing *T, id string, active int64)
	// active is what record.Active is to be at least.
	active func(*T) int64
	// guard runs before a write that turns before into after and may refuse it; its release runs after the write.
	guard func(ctx context.Context, before, after *T) (release func(), err error)
	// checked tells that checks read it: a change may take something away from somebody.
	checked bool
	// bumps tells that each change makes a new version of the catalog.
	bumps bool
	// buried removes what belongs to a deleted thing.
	buried func(ctx context.Context, id string) error
}

func (t *table[T]) key(id string) string { return t.coll.Name() + "/" + t.prefix + id }

func (t *table[T]) thing(r record) (T, error) {
	thing, err := t.form.decode(r.Doc)
	if err != nil {
		return thing, failed("reading", err)
	}
	if t.overlay != nil {
		t.overlay(&thing, r.ID[len(t.prefix):], r.Active)
	}
	return thing, nil
}

// note remembers a document as it was read.
func (t *table[T]) note(r record) {
	t.store.seen.put(t.coll.Name()+"/"+r.ID, seenDocument{version: r.Version, doc: r.Doc, active: r.Active, names: r.Names})
}

// find returns the one document that the filter names.
func (t *table[T]) find(ctx context.Context, filter any) (record, error) {
	var r record
	err := t.coll.FindOne(ctx, filter, options.FindOne().SetProjection(hidden)).Decode(&r)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments) || err == nil && r.Gone:
		return record{}, mongo.ErrNoDocuments
	case err != nil:
		return record{}, failed("reading "+t.coll.Name(), err)
	}
	t.note(r)
	return r, nil
}

func (t *table[T]) get(ctx context.Context, filter any) (T, error) {
	ctx, cancel := t.store.bound(ctx)
	defer cancel()
	r, err := t.find(ctx, filter)
	if errors.Is(err, mongo.ErrNoDocuments) {
		var none T
		return none, t.absent
	}
	if err != nil {
		var none T
		return none, err
	}
	return t.thing(r)
}

func (t *table[T]) byID(ctx context.Context, id string) (T, error) {
	return t.get(ctx, bson.D{{Key: "_id", Value: t.prefix + id}})
}

// list returns all that the filter names, in order.
func (t *table[T]) list(ctx context.Context, filter bson.D, find *options.FindOptionsBuilder) ([]T, error) {
	ctx, cancel := t.store.bound(ctx)
	defer cancel()
	cursor, err := t.coll.Find(ctx, filter, find.SetProjection(hidden))
	if err != nil {
		return nil, failed("listing "+t.coll.Name(), err)
	}
	var records []record
	if err := cursor.All(ctx, &records); err != nil {
		return nil, failed("listing "+t.coll.Name(), err)
	}
	things := make([]T, 0, len(records))
	for _, r := range records {
		if r.Gone {
			continue
		}
		if len(records) <= 2 { // one that was looked for, rather than a page
			t.note(r)
		}
		thing, err := t.thing(r)
		if err != nil {
			return nil, err
		}
		things = append(things, thing)
	}
	return things, nil
}

package mongostore

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// record is the stored form of every entity that is changed by an update closure.
type record struct {
	ID      string   `bson:"_id"`
	Version int64    `bson:"v"`
	Doc     bson.Raw `bson:"doc"`
	Gone    bool     `bson:"gone,omitempty"`
	// Active is the time of the last activity of a session or use of a key. It is written without a new version.
	Active int64 `bson:"active,omitempty"`
	// Names are keys that are unique across all documents; see table.names.
	Names []string `bson:"names,omitempty"`
	// Outbox contains no entries and messages; see hidden.
	Outbox []item `bson:"outbox,omitempty"`
}

// unsettled reports whether nodes may use the document from before a change that was written and not answered.
func (r *record) unsettled() bool {
	return slices.ContainsFunc(r.Outbox, func(i item) bool { return i.Stale })
}

// hidden excludes fields that only the server needs from a read.
var hidden = bson.D{
	{Key: "outbox.entry", Value: 0},
	{Key: "outbox.message", Value: 0},
	{Key: endsField, Value: 0},
	{Key: triField, Value: 0},
	{Key: gramsField, Value: 0},
}

// documents is the part of a table that does not depend on the type of its entities: it reads and writes documents
// whose entity is encoded. It is apart from table because the compiler makes a copy of table for each type.
type documents struct {
	store  *Store
	coll   *mongo.Collection
	prefix string // of _id
	absent error  // nil: a missing entity is an empty one, and the first change inserts it

	// exists converts a duplicate key into the domain's error.
	exists func(error) error
	// checked means that access checks read the table: a change may revoke access.
	checked bool
	// cached means that nodes cache the documents: a change waits until no node uses the document from before it.
	cached bool
	// bumps means that each change increments the version of the catalog.
	bumps bool
	// afterDelete removes the data that depends on a deleted entity.
	afterDelete func(ctx context.Context, id string) error
}

// encoded is the stored form of an entity.
type encoded struct {
	doc    bson.Raw
	fields bson.D   // further top-level fields; those without a value are removed
	names  []string // see table.names
	named  bool     // whether the table has names
	active int64    // see table.active
	timed  bool     // whether the table has times of activity
}

// table is a collection, or the part of one with an ID prefix, of entities of one type. names and active are nil for
// types that do not need them, and the other functions do nothing then.
type table[T any] struct {
	documents
	form codec[T]

	// fields returns further top-level fields of the document.
	fields func(*T) bson.D
	// names returns the keys of the entity that must be unique across all documents, whichever field they are from. A
	// unique index over an array decides between concurrent writes; guard looks for existing documents. A document that
	// is older than this rule may lack names, and is written without those that it had and another document holds.
	names func(*T) []string
	// overlay adds data that is written without a new version to an entity that was read.
	overlay func(entity *T, id string, active int64)
	// active returns the minimum of record.Active.
	active func(*T) int64
	// guard runs before a write that changes before into after and may refuse it; its release runs after the write.
	guard func(ctx context.Context, before, after *T) (release func(), err error)
}

// encode returns the stored form of the entity.
func (t *table[T]) encode(entity *T) (encoded, error) {
	doc, err := t.form.encode(entity)
	if err != nil {
		return encoded{}, failed("writing "+t.coll.Name(), err)
	}
	e := encoded{doc: doc, fields: t.fields(entity), names: t.namesOf(entity), named: t.names != nil}
	if t.active != nil {
		e.timed, e.active = true, t.active(entity)
	}
	return e, nil
}

// stored returns the fields that have a value.
func stored(fields bson.D) bson.D {
	return slices.DeleteFunc(slices.Clone(fields), func(e bson.E) bool { return e.Value == nil })
}

// removed returns the fields that have no value.
func removed(fields bson.D) bson.D {
	return slices.DeleteFunc(slices.Clone(fields), func(e bson.E) bool { return e.Value != nil })
}

func (t *documents) key(id string) string { return t.coll.Name() + "/" + t.prefix + id }

func (t *table[T]) entity(r record) (T, error) {
	entity, err := t.form.decode(r.Doc)
	if err != nil {
		return entity, failed("reading", err)
	}
	t.overlay(&entity, r.ID[len(t.prefix):], r.Active)
	return entity, nil
}

// remember puts a document that was read into the cache.
func (t *documents) remember(r record) {
	t.store.documents.Add(t.coll.Name()+"/"+r.ID, cachedDocument{
		version: r.Version, doc: r.Doc, active: r.Active,
		names: r.Names,
	})
}

// find returns the one document that matches the filter. With mongo.ErrNoDocuments it returns the tombstone if there is
// one.
func (t *documents) find(ctx context.Context, filter any) (record, error) {
	var r record
	err := t.coll.FindOne(ctx, filter, options.FindOne().SetProjection(hidden)).Decode(&r)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments) || err == nil && r.Gone:
		return r, mongo.ErrNoDocuments
	case err != nil:
		return record{}, failed("reading "+t.coll.Name(), err)
	}
	t.remember(r)
	return r, nil
}

func (t *table[T]) get(ctx context.Context, filter any) (T, error) {
	ctx, cancel := t.store.bound(ctx)
	defer cancel()
	r, err := t.find(ctx, filter)
	if errors.Is(err, mongo.ErrNoDocuments) {
		var none T
		return none, t.absent
	} else if err != nil {
		var none T
		return none, err
	}
	return t.entity(r)
}

func (t *table[T]) byID(ctx context.Context, id string) (T, error) {
	return t.get(ctx, bson.D{{Key: "_id", Value: t.prefix + id}})
}

// records returns all existing documents that match the filter, in order.
func (t *documents) records(ctx context.Context, filter bson.D, find *options.FindOptionsBuilder) ([]record, error) {
	var found []record
	if err := t.store.readAll(ctx, t.coll, filter, find.SetProjection(hidden), &found); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(r record) bool { return r.Gone }), nil
}

// list returns all entities that match the filter, in order.
func (t *table[T]) list(ctx context.Context, filter bson.D, find *options.FindOptionsBuilder) ([]T, error) {
	found, err := t.records(ctx, filter, find)
	if err != nil {
		return nil, err
	}
	entities := make([]T, len(found))
	for i, r := range found {
		if len(found) <= 2 { // a lookup rather than a page
			t.remember(r)
		}
		if entities[i], err = t.entity(r); err != nil {
			return nil, err
		}
	}
	return entities, nil
}

// readOne decodes the document that the filter matches. It reports with found whether there is one.
func (s *Store) readOne(ctx context.Context, coll *mongo.Collection, filter bson.D, into any,
	find ...options.Lister[options.FindOneOptions],
) (found bool, err error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	err = coll.FindOne(ctx, filter, find...).Decode(into)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, failed("reading "+coll.Name(), err)
}

// readAll decodes all documents that match the filter into the slice.
func (s *Store) readAll(ctx context.Context, coll *mongo.Collection, filter bson.D, find *options.FindOptionsBuilder,
	into any,
) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	return findAll(ctx, coll, filter, find, into)
}

// findAll is readAll without the timeout of a call.
func findAll(ctx context.Context, coll *mongo.Collection, filter bson.D, find *options.FindOptionsBuilder,
	into any,
) error {
	cursor, err := coll.Find(ctx, filter, find)
	if err == nil {
		err = cursor.All(ctx, into)
	}
	return failed("reading "+coll.Name(), err)
}

package mongostore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// maxRaces is how often an update starts again before it gives up; with turns taken inside a process, only nodes race.
const maxRaces = 60

// record is the form of every thing that is changed by closures.
type record struct {
	ID      string   `bson:"_id"`
	Version int64    `bson:"v"`
	Doc     bson.Raw `bson:"doc"`
	Gone    bool     `bson:"gone,omitempty"`
	// Active is the last activity of a session or use of a key, which is written past the version.
	Active int64 `bson:"active,omitempty"`
}

// hidden leaves out of a read what only the server needs.
var hidden = bson.D{{Key: "outbox", Value: 0}, {Key: "grams", Value: 0}}

// table is a collection, or the part of one with a prefix, that holds things of one kind. Functions that a kind does not
// need are nil.
type table[T any] struct {
	store  *Store
	coll   *mongo.Collection
	prefix string // of _id
	absent error  // nil: an absent thing is an empty one, and the first change makes it

	// exists turns a duplicate key into the domain's failure.
	exists func(error) error
	// fields are further members at the top of the document.
	fields func(*T) bson.D
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
	var thing T
	if err := decode(r.Doc, &thing); err != nil {
		return thing, failed("reading", err)
	}
	if t.overlay != nil {
		t.overlay(&thing, r.ID[len(t.prefix):], r.Active)
	}
	return thing, nil
}

// note remembers a document as it was read.
func (t *table[T]) note(r record) {
	t.store.seen.put(t.coll.Name()+"/"+r.ID, seenDocument{version: r.Version, doc: r.Doc, active: r.Active})
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

// create stores a new thing with its outbox in one write.
func (t *table[T]) create(ctx context.Context, id string, thing *T, out domain.Outbox) error {
	ctx, cancel := t.store.bound(ctx)
	defer cancel()
	var nothing T
	release, err := t.watch(ctx, &nothing, thing)
	if err != nil {
		return err
	}
	defer release()
	return t.insert(ctx, id, thing, out)
}

func (t *table[T]) insert(ctx context.Context, id string, thing *T, out domain.Outbox) error {
	raw, err := encode(thing)
	if err != nil {
		return failed("writing "+t.coll.Name(), err)
	}
	items, err := t.store.pack(out, t.bumps)
	if err != nil {
		return err
	}
	doc := append(bson.D{{Key: "_id", Value: t.prefix + id}, {Key: "v", Value: int64(1)}, {Key: "doc", Value: raw}}, t.extra(thing)...)
	var active int64
	if t.active != nil {
		active = t.active(thing)
		doc = append(doc, bson.E{Key: "active", Value: active})
	}
	if len(items) > 0 {
		doc = append(doc, bson.E{Key: "outbox", Value: items})
	}
	if _, err := t.coll.InsertOne(ctx, doc); err != nil {
		if isDuplicate(err) {
			return t.taken(err)
		}
		return failed("writing "+t.coll.Name(), err)
	}
	t.store.seen.put(t.key(id), seenDocument{version: 1, doc: raw, active: active})
	return t.store.deliver(ctx, t.coll.Name(), t.prefix+id, items)
}

func (t *table[T]) taken(err error) error {
	if t.exists == nil {
		return errLostRace
	}
	return t.exists(err)
}

func (t *table[T]) extra(thing *T) bson.D {
	if t.fields == nil {
		return nil
	}
	return t.fields(thing)
}

func (t *table[T]) watch(ctx context.Context, before, after *T) (release func(), err error) {
	if t.guard == nil {
		return func() {}, nil
	}
	return t.guard(ctx, before, after)
}

// errLostRace tells that a document is no longer what the write was meant for.
var errLostRace = errors.New("lost a race")

// update applies change in one conditional write; see ports.Change. The first try may be on what the process remembers, so
// any end but a successful write is looked at again on what stands in the database.
func (t *table[T]) update(ctx context.Context, id string, change ports.Change[T]) (T, error) {
	var none T
	ctx, cancel := t.store.bound(ctx)
	defer cancel()
	done, err := t.store.turns.take(ctx, t.key(id))
	if err != nil {
		return none, err
	}
	defer done()
	if base, ok := t.store.seen.get(t.key(id)); ok {
		thing, err := t.tryUpdate(ctx, id, base, change)
		if err == nil {
			return thing, nil
		}
		t.store.seen.forget(t.key(id))
		if isUnknown(err) {
			return none, err
		}
	}
	for race := range maxRaces {
		thing, err := t.updateFresh(ctx, id, change)
		if !errors.Is(err, errLostRace) {
			return thing, err
		}
		t.store.seen.forget(t.key(id))
		if err := pause(ctx, race); err != nil {
			return none, err
		}
	}
	return none, failed("updating "+t.coll.Name(), errLostRace)
}

func (t *table[T]) updateFresh(ctx context.Context, id string, change ports.Change[T]) (T, error) {
	var none T
	r, err := t.find(ctx, bson.D{{Key: "_id", Value: t.prefix + id}})
	if errors.Is(err, mongo.ErrNoDocuments) {
		if t.absent != nil {
			return none, t.absent
		}
		r, err = record{ID: t.prefix + id}, nil
	}
	if err != nil {
		return none, err
	}
	base := seenDocument{version: r.Version, doc: r.Doc, active: r.Active}
	thing, err := t.tryUpdate(ctx, id, base, change)
	if errors.Is(err, domain.ErrUnchanged) {
		if thing, err = t.from(id, base); err == nil {
			err = t.outlast(ctx) // another node may have made the change and still be waiting
		}
	}
	return thing, err
}

func (t *table[T]) from(id string, base seenDocument) (T, error) {
	if base.version == 0 {
		var empty T
		return empty, nil
	}
	return t.thing(record{ID: t.prefix + id, Doc: base.doc, Active: base.active})
}

// tryUpdate applies change to the base and writes the result if the base is still what stands.
func (t *table[T]) tryUpdate(ctx context.Context, id string, base seenDocument, change ports.Change[T]) (T, error) {
	var none T
	before, err := t.from(id, base)
	if err != nil {
		return none, err
	}
	thing, err := t.from(id, base)
	if err != nil {
		return none, err
	}
	var out domain.Outbox
	if err := change(&thing, &out); err != nil {
		return none, err
	}
	release, err := t.watch(ctx, &before, &thing)
	if err != nil {
		return none, err
	}
	defer release()
	if base.version == 0 {
		return thing, t.insert(ctx, id, &thing, out)
	}
	return thing, t.compareAndSet(ctx, id, base, &thing, out)
}

func (t *table[T]) compareAndSet(ctx context.Context, id string, base seenDocument, thing *T, out domain.Outbox) error {
	raw, err := encode(thing)
	if err != nil {
		return failed("writing "+t.coll.Name(), err)
	}
	items, err := t.store.pack(out, t.bumps)
	if err != nil {
		return err
	}
	update := bson.D{
		{Key: "$set", Value: append(bson.D{{Key: "doc", Value: raw}}, t.extra(thing)...)},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
	}
	if len(items) > 0 {
		update = append(update, bson.E{Key: "$push", Value: bson.D{{Key: "outbox", Value: bson.D{{Key: "$each", Value: items}}}}})
	}
	active := base.active
	if t.active != nil {
		active = max(active, t.active(thing))
		update = append(update, bson.E{Key: "$max", Value: bson.D{{Key: "active", Value: active}}})
	}
	filter := bson.D{{Key: "_id", Value: t.prefix + id}, {Key: "v", Value: base.version}}
	result, err := t.coll.UpdateOne(ctx, filter, update)
	switch {
	case isDuplicate(err):
		return t.taken(err)
	case isConflict(err) || err == nil && result.MatchedCount == 0:
		return errLostRace
	case err != nil:
		return failed("updating "+t.coll.Name(), err)
	}
	t.store.seen.put(t.key(id), seenDocument{version: base.version + 1, doc: raw, active: active})
	if err := t.store.deliver(ctx, t.coll.Name(), t.prefix+id, items); err != nil {
		return err
	}
	return t.outlast(ctx)
}

// outlast waits, where a change may take something away, until it holds on every node.
func (t *table[T]) outlast(ctx context.Context) error {
	if !t.checked {
		return nil
	}
	return t.store.outlast(ctx)
}

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

// pause waits a moment that grows with the races lost, a different one on each node.
func pause(ctx context.Context, race int) error {
	limit := time.Millisecond << min(race, 5)
	timer := time.NewTimer(rand.N(limit) + time.Millisecond/4) //nolint:gosec // no secret, only to part the racers
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return failed("racing for a document", ctx.Err())
	}
}

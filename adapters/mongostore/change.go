package mongostore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// maxRaces is how often an update starts again before it gives up; with turns taken inside a process, only nodes race.
const maxRaces = 60

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
	raw, err := t.form.encode(thing)
	if err != nil {
		return failed("writing "+t.coll.Name(), err)
	}
	items, err := t.store.pack(out, t.bumps)
	if err != nil {
		return err
	}
	doc := append(bson.D{{Key: "_id", Value: t.prefix + id}, {Key: "v", Value: int64(1)}, {Key: "doc", Value: raw}}, t.extra(thing)...)
	names := t.namesOf(thing)
	if len(names) > 0 {
		doc = append(doc, bson.E{Key: "names", Value: names})
	}
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
	t.store.seen.put(t.key(id), seenDocument{version: 1, doc: raw, active: active, names: names})
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
	base := seenDocument{version: r.Version, doc: r.Doc, active: r.Active, names: r.Names}
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
	for _, names := range t.namesToTry(base.names, &before, &thing) {
		base.names = names
		if err = t.compareAndSet(ctx, id, base, &thing, out); !errors.Is(err, domain.ErrUserExists) {
			break
		}
	}
	return thing, err
}

// compareAndSet writes the thing, with the names of base, if the version is still that of base.
func (t *table[T]) compareAndSet(ctx context.Context, id string, base seenDocument, thing *T, out domain.Outbox) error {
	raw, err := t.form.encode(thing)
	if err != nil {
		return failed("writing "+t.coll.Name(), err)
	}
	items, err := t.store.pack(out, t.bumps)
	if err != nil {
		return err
	}
	fields := append(bson.D{{Key: "doc", Value: raw}}, t.extra(thing)...)
	if t.names != nil {
		fields = append(fields, bson.E{Key: "names", Value: append([]string{}, base.names...)})
	}
	update := bson.D{
		{Key: "$set", Value: fields},
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
	t.store.seen.put(t.key(id), seenDocument{version: base.version + 1, doc: raw, active: active, names: base.names})
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

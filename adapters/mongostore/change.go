package mongostore

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// maxRaces is the maximum number of attempts of an update. Updates of one process are serialized by a keyed mutex, so
// only nodes race.
const maxRaces = 60

// create stores a new entity with its outbox in one write.
func (t *table[T]) create(ctx context.Context, id string, entity *T, out domain.Outbox) error {
	ctx, cancel := t.store.bound(ctx)
	defer cancel()
	var nothing T
	release, err := t.guard(ctx, &nothing, entity)
	if err != nil {
		return err
	}
	defer release()
	e, err := t.encode(entity)
	if err != nil {
		return err
	}
	return t.insert(ctx, id, e, out)
}

func (t *documents) insert(ctx context.Context, id string, e encoded, out domain.Outbox) error {
	items, err := t.pack(out, t.bumps)
	if err != nil {
		return err
	}
	doc := append(bson.D{{Key: "_id", Value: t.prefix + id}, {Key: "v", Value: int64(1)}, {Key: "doc", Value: e.doc}},
		stored(e.fields)...)
	if len(e.names) > 0 {
		doc = append(doc, bson.E{Key: "names", Value: e.names})
	}
	if e.timed {
		doc = append(doc, bson.E{Key: "active", Value: e.active})
	}
	if len(items) > 0 {
		doc = append(doc, bson.E{Key: "outbox", Value: items})
	}
	if _, err := t.coll.InsertOne(ctx, doc); err != nil {
		if isDuplicate(err) {
			return t.exists(err)
		}
		return failed("writing "+t.coll.Name(), err)
	}
	t.store.documents.Add(t.key(id), cachedDocument{version: 1, doc: e.doc, active: e.active, names: e.names})
	return t.store.deliver(ctx, t.coll.Name(), t.prefix+id, items)
}

// errLostRace means that the document no longer matches the condition of the write.
var errLostRace = errors.New("too many concurrent changes")

// update applies change in one conditional write; see ports.Change. The first attempt may use the cached document, so
// any result other than a successful write is checked again on the stored document.
func (t *table[T]) update(ctx context.Context, id string, change ports.Change[T]) (T, error) {
	var none T
	ctx, cancel := t.store.bound(ctx)
	defer cancel()
	done, err := t.store.locks.lock(ctx, t.key(id))
	if err != nil {
		return none, err
	}
	defer done()
	if base, ok := t.store.documents.Get(t.key(id)); ok {
		entity, err := t.tryUpdate(ctx, id, base, change)
		if err == nil {
			return entity, nil
		}
		t.store.documents.Remove(t.key(id))
		if errors.Is(err, fault.ErrStorage) { // it is unknown whether the write was executed
			return none, err
		}
	}
	entity := none
	err = retry(ctx, func() (decided bool, err error) {
		entity, err = t.updateFresh(ctx, id, change)
		if !errors.Is(err, errLostRace) {
			return true, err
		}
		t.store.documents.Remove(t.key(id))
		return false, nil
	})
	if errors.Is(err, errLostRace) {
		return none, failed("updating "+t.coll.Name(), err)
	}
	return entity, err
}

func (t *table[T]) updateFresh(ctx context.Context, id string, change ports.Change[T]) (T, error) {
	var none T
	r, err := t.find(ctx, bson.D{{Key: "_id", Value: t.prefix + id}})
	if errors.Is(err, mongo.ErrNoDocuments) {
		if t.absent != nil {
			return none, cmp.Or(t.settle(ctx, &r), t.absent)
		}
		r, err = record{ID: t.prefix + id}, nil
	}
	if err != nil {
		return none, err
	}
	base := cachedDocument{version: r.Version, doc: r.Doc, active: r.Active, names: r.Names}
	entity, err := t.tryUpdate(ctx, id, base, change)
	if err != nil && !errors.Is(err, errLostRace) {
		// Another call may have written the change and not have returned yet.
		if err := t.settle(ctx, &r); err != nil {
			return none, err
		}
	}
	if errors.Is(err, domain.ErrUnchanged) {
		if entity, err = t.from(id, base); err == nil {
			err = t.waitForLeases(ctx)
		}
	}
	return entity, err
}

// settle waits until no node uses the document from before a change that is written and was not answered yet: an answer
// that nothing is to be changed confirms that change.
func (t *documents) settle(ctx context.Context, r *record) error {
	if !r.unsettled() {
		return nil
	}
	return t.store.cluster.await(ctx, t.store.cluster.publish(ctx, t.coll.Name()+"/"+r.ID))
}

func (t *table[T]) from(id string, base cachedDocument) (T, error) {
	if base.version == 0 {
		var empty T
		return empty, nil
	}
	return t.entity(record{ID: t.prefix + id, Doc: base.doc, Active: base.active})
}

// tryUpdate applies change to base and writes the result if base is still the stored version.
func (t *table[T]) tryUpdate(ctx context.Context, id string, base cachedDocument, change ports.Change[T]) (T, error) {
	var none T
	before, err := t.from(id, base)
	if err != nil {
		return none, err
	}
	entity, err := t.from(id, base)
	if err != nil {
		return none, err
	}
	var out domain.Outbox
	if err := change(&entity, &out); err != nil {
		return none, err
	}
	release, err := t.guard(ctx, &before, &entity)
	if err != nil {
		return none, err
	}
	defer release()
	e, err := t.encode(&entity)
	if err != nil {
		return none, err
	}
	if base.version == 0 {
		return entity, t.insert(ctx, id, e, out)
	}
	for _, names := range t.namesToTry(base.names, &before, &entity) {
		e.names = names
		if err = t.compareAndSet(ctx, id, base, e, out); !errors.Is(err, domain.ErrUserExists) {
			break
		}
	}
	return entity, err
}

// compareAndSet writes the entity if the stored version is still that of base.
func (t *documents) compareAndSet(ctx context.Context, id string, base cachedDocument, e encoded,
	out domain.Outbox,
) error {
	items, err := t.pack(out, t.cached)
	if err != nil {
		return err
	}
	fields := append(bson.D{{Key: "doc", Value: e.doc}}, stored(e.fields)...)
	if e.named {
		fields = append(fields, bson.E{Key: "names", Value: append([]string{}, e.names...)})
	}
	update := bson.D{
		{Key: "$set", Value: fields},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
	}
	if absent := removed(e.fields); len(absent) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: absent})
	}
	if len(items) > 0 {
		update = append(update,
			bson.E{Key: "$push", Value: bson.D{{Key: "outbox", Value: bson.D{{Key: "$each", Value: items}}}}})
	}
	active := base.active
	if e.timed {
		active = max(active, e.active)
		update = append(update, bson.E{Key: "$max", Value: bson.D{{Key: "active", Value: active}}})
	}
	filter := bson.D{{Key: "_id", Value: t.prefix + id}, {Key: "v", Value: base.version}}
	result, err := t.coll.UpdateOne(ctx, filter, update)
	switch {
	case isDuplicate(err):
		return t.exists(err)
	case isConflict(err) || err == nil && result.MatchedCount == 0:
		return errLostRace
	case err != nil:
		return failed("updating "+t.coll.Name(), err)
	}
	t.store.documents.Add(t.key(id), cachedDocument{
		version: base.version + 1, doc: e.doc, active: active, names: e.names,
	})
	if err := t.store.deliver(ctx, t.coll.Name(), t.prefix+id, items); err != nil {
		return err
	}
	return t.waitForLeases(ctx)
}

// waitForLeases waits, after a change that may revoke access, until the change is effective on every node.
func (t *documents) waitForLeases(ctx context.Context) error {
	if !t.checked {
		return nil
	}
	return t.store.waitForLeases(ctx)
}

// retry calls try until it has decided or failed, and waits between the attempts. After maxRaces it returns
// errLostRace.
func retry(ctx context.Context, try func() (decided bool, err error)) error {
	for race := range maxRaces {
		if decided, err := try(); decided || err != nil {
			return err
		}
		if err := backoff(ctx, race); err != nil {
			return err
		}
	}
	return errLostRace
}

// backoff waits for a random time whose limit grows with the number of lost races, so that nodes do not retry in step.
func backoff(ctx context.Context, race int) error {
	limit := time.Millisecond << min(race, 5)
	wait := rand.N(limit) + time.Millisecond/4 //nolint:gosec // jitter, not a secret
	return failed("retrying a conditional write", sleep(ctx, wait))
}

// sleep waits for the duration, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

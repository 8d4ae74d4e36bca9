package mongostore

import (
	"context"
	"encoding/hex"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

// item is a write that follows a change. It stays in the outbox of the changed document until it is delivered. Exactly
// one of Entry, Message, Bump, Stale and Tombstone is set.
type item struct {
	ID        string    `bson:"id"`
	At        time.Time `bson:"at"`
	Entry     bson.Raw  `bson:"entry,omitempty"`
	Message   bson.Raw  `bson:"message,omitempty"`
	Bump      bool      `bson:"bump,omitempty"`      // increment the catalog's version
	Stale     bool      `bson:"stale,omitempty"`     // wait until no node uses the document from before the change
	Tombstone bool      `bson:"tombstone,omitempty"` // delete the document after all other items
}

// pack returns the items of an outbox of the table. An audit entry that cannot be encoded prevents the change. If stale
// is true, other nodes may have cached the document.
func (t *documents) pack(out domain.Outbox, stale bool) ([]item, error) {
	s := t.store
	now := s.now()
	items := make([]item, 0, len(out.Entries)+len(out.Messages)+2)
	for _, entry := range out.Entries {
		doc, err := s.auditDocument(entry)
		if err != nil {
			return nil, err
		}
		raw, err := encode(doc)
		if err != nil {
			return nil, failed("encoding an audit entry", err)
		}
		items = append(items, item{ID: string(entry.ID), At: now, Entry: raw})
	}
	for i := range out.Messages {
		raw, err := encode(newMessage(out.Messages[i]))
		if err != nil {
			return nil, failed("encoding a message", err)
		}
		items = append(items, item{ID: string(out.Messages[i].ID), At: now, Message: raw})
	}
	if t.bumps {
		items = append(items, item{ID: s.nonce(), At: now, Bump: true})
	}
	if stale {
		items = append(items, item{ID: s.nonce(), At: now, Stale: true})
	}
	return items, nil
}

func (s *Store) tombstone() item { return item{ID: "tombstone", At: s.now(), Tombstone: true} }

// nonce returns a random ID that no other item of an outbox has.
func (s *Store) nonce() string {
	var b [12]byte
	_, _ = io.ReadFull(s.entropy, b[:]) // crypto/rand does not fail
	return hex.EncodeToString(b[:])
}

// deliver delivers the items of a change before the change is acknowledged, and schedules the removal from the outbox.
// It does not end with the request's context: the change is already stored.
func (s *Store) deliver(ctx context.Context, collection, id string, items []item) error {
	if len(items) == 0 {
		return nil
	}
	if err := s.deliverItems(ctx, collection, id, items); err != nil {
		return err
	}
	select {
	case s.clears <- newClearing(collection, id, items):
	default: // the queue is full: the sweeper clears the outbox
	}
	return nil
}

// deliverItems inserts by ID, so that a repetition changes nothing. It returns when no node uses the document from
// before the change.
func (s *Store) deliverItems(ctx context.Context, collection, id string, items []item) error {
	ctx, cancel := s.bound(detached(ctx))
	defer cancel()
	var entries, messages []any
	bump, stale := false, false
	for _, i := range items {
		switch {
		case i.Entry != nil:
			entries = append(entries, i.Entry)
		case i.Message != nil:
			messages = append(messages, i.Message)
		case i.Bump:
			bump = true
		case i.Stale:
			stale = true
		}
	}
	if bump {
		if err := s.bumpCatalog(ctx, id); err != nil {
			return err
		}
	}
	if !stale {
		return s.deliverDocuments(ctx, entries, messages)
	}
	published := s.cluster.publish(ctx, collection+"/"+id)
	if err := s.deliverDocuments(ctx, entries, messages); err != nil {
		return err
	}
	return s.cluster.await(ctx, published)
}

func (s *Store) deliverDocuments(ctx context.Context, entries, messages []any) error {
	if err := insertOnce(ctx, s.db.Collection(auditName), entries); err != nil {
		return err
	}
	return insertOnce(ctx, s.db.Collection(messagesName), messages)
}

// insertOnce inserts the documents that do not exist yet.
func insertOnce(ctx context.Context, coll *mongo.Collection, docs []any) error {
	if len(docs) == 0 {
		return nil
	}
	_, err := coll.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	if onlyDuplicates(err) {
		return nil
	}
	return failed("writing "+coll.Name(), err)
}

// clearing names delivered items that are still in an outbox.
type clearing struct {
	collection string
	id         string
	items      []string
	done       chan<- struct{} // closed by the worker; for Settle
}

func newClearing(collection, id string, items []item) clearing {
	c := clearing{collection: collection, id: id}
	for _, i := range items {
		c.items = append(c.items, i.ID)
	}
	return c
}

const maxClearings = 64

// clearOutboxes removes delivered items from outboxes in batches, after the requests have returned.
func (s *Store) clearOutboxes(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-s.clears:
			batch := []clearing{first}
			for len(batch) < maxClearings {
				select {
				case next := <-s.clears:
					batch = append(batch, next)
					continue
				default:
				}
				break
			}
			s.clearBatch(ctx, batch)
		}
	}
}

func (s *Store) clearBatch(ctx context.Context, batch []clearing) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	writes := map[string][]mongo.WriteModel{}
	for _, c := range batch {
		if len(c.items) > 0 {
			writes[c.collection] = append(writes[c.collection], c.models()...)
		}
	}
	for name, models := range writes {
		// The sweeper delivers the items of a failed write again, which changes nothing, and clears them.
		_, _ = s.lossy(name).BulkWrite(ctx, models)
	}
	for _, c := range batch {
		if c.done != nil {
			close(c.done)
		}
	}
}

// models removes the whole outbox if it contains nothing else, so that the sparse index of outboxes stays small, and
// only the items otherwise.
func (c clearing) models() []mongo.WriteModel {
	whole := mongo.NewUpdateOneModel().
		SetFilter(bson.D{
			{Key: "_id", Value: c.id},
			{Key: "outbox", Value: bson.D{{Key: "$size", Value: len(c.items)}}},
			{Key: "outbox.id", Value: bson.D{{Key: "$all", Value: c.items}}},
		}).
		SetUpdate(bson.D{{Key: "$unset", Value: bson.D{{Key: "outbox", Value: ""}}}})
	rest := mongo.NewUpdateOneModel().
		SetFilter(bson.D{{Key: "_id", Value: c.id}, {Key: "outbox.id", Value: bson.D{{Key: "$in", Value: c.items}}}}).
		SetUpdate(bson.D{{
			Key:   "$pull",
			Value: bson.D{{Key: "outbox", Value: bson.D{{Key: "id", Value: bson.D{{Key: "$in", Value: c.items}}}}}},
		}})
	return []mongo.WriteModel{whole, rest}
}

// Settle waits until the outboxes of all changes acknowledged before the call are cleared. It is for tests and for an
// orderly shutdown; correctness does not depend on it.
func (s *Store) Settle(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case s.clears <- clearing{done: done}:
	case <-ctx.Done():
		return failed("waiting for outboxes", ctx.Err())
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return failed("waiting for outboxes", ctx.Err())
	}
}

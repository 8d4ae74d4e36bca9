package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
)

// Decoys implements ports.DecoyStore.
type Decoys struct{ s *Store }

// Decoys returns the store of decoys.
func (s *Store) Decoys() *Decoys { return &Decoys{s} }

// WriteDecoy sends the commands of table.compareAndSet for a cached user: the write of the document, the invalidation,
// and the insertion of the outbox; and waits for the nodes and leases as that does. Each decoy has an id of its own, so
// that concurrent ones do not conflict.
func (d *Decoys) WriteDecoy(ctx context.Context, entry *domain.AuditEntry, message domain.Message,
	expires time.Time,
) error {
	ctx, cancel := d.s.bound(context.WithoutCancel(ctx))
	defer cancel()
	out := domain.Outbox{Messages: []domain.Message{message}}
	if entry != nil {
		out.Record(*entry)
	}
	items, err := d.s.users.pack(out, false)
	if err != nil {
		return err
	}
	if err := d.put(ctx, message.Payload, expires); err != nil {
		return err
	}
	published := d.s.cluster.publish(ctx, d.s.users.key("decoy"))
	if entry == nil {
		if err := d.put(ctx, nil, expires); err != nil {
			return err
		}
	}
	if err := d.s.deliverItems(ctx, usersName, "decoy", items); err != nil {
		return err
	}
	if err := d.s.cluster.await(ctx, published); err != nil {
		return err
	}
	return d.s.users.waitForLeases(ctx)
}

// put stores a single-use value that is never consumed.
func (d *Decoys) put(ctx context.Context, value []byte, expires time.Time) error {
	if value == nil {
		value = []byte{}
	}
	return failed("writing a decoy", d.s.putExpired(ctx, onceName, "decoy:"+d.s.nonce(), d.s.now(), bson.D{
		{Key: "value", Value: value}, {Key: "expires", Value: nanos(expires)}, {Key: "ttl", Value: sweepAt(expires)},
	}))
}

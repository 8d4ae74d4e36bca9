package mongostore

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// invalidation is a set of cache keys that a committed change makes stale on every node.
type invalidation struct {
	keys   []string
	done   chan struct{} // closed when the log contains the keys, or err is set
	err    error
	number int64  // the position in the log
	waits  []wait // the nodes that have not applied the position yet
}

// wait is a node that may answer from before a position until its lease ends.
type wait struct {
	id    string
	until time.Time
}

// publish starts to append cache keys to the log. It must be called after a majority has committed the change. A key is
// the name of a collection, a slash and the ID of a document; see documents.key. To be certain that no node uses a
// value from before the change, call await.
//
// The appends of concurrent changes share one write: each batch is sent when the one before it has been confirmed.
func (c *cluster) publish(ctx context.Context, keys ...string) *invalidation {
	inv := &invalidation{keys: keys, done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		inv.err = failed("publishing a change", errors.New("the store is closed"))
		close(inv.done)
		return inv
	}
	c.queue = append(c.queue, inv)
	if !c.appending {
		c.appending = true
		c.s.jobs.Go(func() { c.appendAll(detached(ctx)) })
	}
	return inv
}

func (c *cluster) appendAll(ctx context.Context) {
	for {
		c.mu.Lock()
		batch := c.queue
		c.queue = nil
		c.appending = len(batch) > 0
		cut := c.length >= 2*keptInvalidations
		c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		c.appendBatch(ctx, batch, cut)
	}
}

func (c *cluster) appendBatch(ctx context.Context, batch []*invalidation, cut bool) {
	ctx, cancel := c.s.bound(ctx)
	defer cancel()
	var keys []string
	for _, inv := range batch {
		for _, key := range inv.keys {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	push := bson.D{{Key: "$each", Value: keys}}
	if cut {
		push = append(push, bson.E{Key: "$slice", Value: -keptInvalidations})
	}
	c.mu.Lock()
	applied := c.applied
	c.mu.Unlock()
	state, err := c.write(ctx, thisLog, bson.D{
		{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(len(keys))}}},
		{Key: "$push", Value: bson.D{{Key: "recent", Value: push}}},
	})
	var waits []wait
	if err == nil {
		waits = c.apply(ctx, state, applied)
	}
	for _, inv := range batch {
		inv.err, inv.number, inv.waits = failed("publishing a change", err), state.Number, waits
		close(inv.done)
	}
}

// await returns when the invalidation is in the log and no node can use a value from before it: each node has applied
// it, or its lease has ended.
func (c *cluster) await(ctx context.Context, inv *invalidation) error {
	select {
	case <-inv.done:
	case <-ctx.Done():
		return failed("publishing a change", ctx.Err())
	}
	if inv.err != nil || len(inv.waits) == 0 {
		return inv.err
	}
	c.wait(1)
	defer c.wait(-1)
	for {
		left, changed := c.pending(inv)
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return failed("waiting for nodes to apply a change", ctx.Err())
		}
		timer.Stop()
	}
}

// pending returns how long a node may still use a value from before the invalidation, and a channel that is closed when
// a newer state was observed.
func (c *cluster) pending(inv *invalidation) (left time.Duration, changed <-chan struct{}) {
	now := monotonic()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range inv.waits {
		if p, ok := c.peers[w.id]; ok && p.applied < inv.number {
			left = max(left, w.until.Sub(now))
		}
	}
	return left, c.changed
}

// wait changes the number of changes that wait for nodes, and wakes the reader of the log.
func (c *cluster) wait(n int) {
	c.mu.Lock()
	c.waiting += n
	c.mu.Unlock()
	c.wake()
}

func (c *cluster) wake() {
	select {
	case c.kick <- struct{}{}:
	default: // it is awake
	}
}

package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const (
	// pollEvery is the interval between reads of the log where there is no change stream.
	pollEvery = 20 * time.Millisecond
	// The interval between reads while a change waits for nodes grows from the first value to the second.
	waitPoll    = time.Millisecond
	maxWaitPoll = 16 * time.Millisecond
	// watchAgain is the interval between attempts to open a change stream.
	watchAgain = 2 * time.Second
	// streamWait is how long the server waits for events before it returns an empty batch.
	streamWait = time.Second
	idlePoll   = time.Hour
)

// readLog reads the log when it may have changed, applies its invalidations and reports that, until ctx is done.
func (c *cluster) readLog(ctx context.Context) {
	interval := waitPoll
	for {
		timer := time.NewTimer(c.pause(&interval))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.kick:
			interval = waitPoll
		case <-timer.C:
		}
		timer.Stop()
		_ = c.readOnce(ctx) // the next read applies what this one missed, and a heartbeat before it extends a lease
	}
}

// pause returns how long to wait before the next read of the log.
func (c *cluster) pause(interval *time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.waiting > 0:
		wait := *interval
		*interval = min(2*wait, maxWaitPoll)
		return wait
	case c.streaming.Load() || c.until.Load() == nil || len(c.peers) < 2:
		return idlePoll
	default:
		return pollEvery
	}
}

func (c *cluster) readOnce(ctx context.Context) error {
	ctx, cancel := c.s.bound(ctx)
	defer cancel()
	var state clusterState
	if err := c.log().FindOne(ctx, thisLog).Decode(&state); err != nil {
		return failed("reading the log of invalidations", err)
	}
	c.apply(ctx, state, ofRead)
	return c.acknowledge(ctx)
}

// acknowledge reports the position that the node has applied.
func (c *cluster) acknowledge(ctx context.Context) error {
	c.mu.Lock()
	applied := c.applied
	news := applied > c.acked && c.until.Load() != nil
	c.mu.Unlock()
	if !news {
		return nil
	}
	own := "nodes." + c.id
	_, err := c.s.lossy(nodesName).UpdateOne(ctx,
		append(bson.D{{Key: own, Value: bson.D{{Key: "$exists", Value: true}}}}, thisLog...),
		bson.D{{Key: "$max", Value: bson.D{{Key: own + ".applied", Value: applied}}}})
	if err != nil {
		return failed("reporting the applied invalidations", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked = applied
	return nil
}

// watch wakes the reader of the log when another node appends to it, as long as the server has change streams.
func (c *cluster) watch(ctx context.Context) {
	for ctx.Err() == nil {
		_ = c.follow(ctx) // without a change stream the reader polls
		c.streaming.Store(false)
		c.wake()
		if sleep(ctx, watchAgain) != nil {
			return
		}
	}
}

func (c *cluster) follow(ctx context.Context) error {
	stream, err := c.log().Watch(ctx, mongo.Pipeline{
		{{Key: "$match", Value: bson.D{
			{Key: "operationType", Value: "update"},
			{Key: "updateDescription.updatedFields.n", Value: bson.D{{Key: "$exists", Value: true}}},
		}}},
		{{Key: "$project", Value: bson.D{{Key: "_id", Value: 1}}}},
	}, options.ChangeStream().SetMaxAwaitTime(streamWait))
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close(context.WithoutCancel(ctx)) }()
	c.streaming.Store(true)
	for stream.Next(ctx) {
		c.wake()
	}
	return stream.Err()
}

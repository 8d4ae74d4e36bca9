package mongostore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Nodes cache what a verification reads, and a change that may revoke access returns only when no node can answer from
// before it. Everything that the nodes agree on is one document, the log:
//
//	{_id: "log", n, cached, recent: [key, …], nodes: {id: {beat, applied, lease}}}
//
// Every write of it is one atomic step, so its states have one order. n is the number of invalidations so far, and
// recent contains the keys of the last ones. The rules, which the model in model_test.go explores:
//
//  1. A change is committed by a majority first. Then its key is appended to the log (publish): n is its position. A
//     change whose node crashed in between is published by the sweeper (outbox.go).
//  2. A node registers by its heartbeat, a majority write of a number that it has not used before (beat), which returns
//     the state. The node applies all invalidations of this state, and only then its lease is extended: to the time
//     before the heartbeat was sent plus the lease, less a margin for clock drift.
//  3. A cached value is used only if the lease is valid at a time after the start of the verification. The value is
//     read after that.
//  4. After the append, the change waits for each node that the appended state lists: until the node reports that it
//     has applied the position, or until its lease has ended. A lease that a later heartbeat extends includes the
//     position, by rule 2, so it is enough to wait for the duration of one lease.
//  5. A node that is not listed has no lease: it is removed only on the condition that its beat is unchanged since a
//     duration longer than its lease.
//  6. A value is cached only if the read returned a position at least as new as the one applied at its start (a deposed
//     primary returns an older one), and none of its keys was invalidated meanwhile. The position is read before the
//     value.
//  7. Only states that a majority has committed are applied.
//
// Durations are measured with the monotonic clock of one process; no clock of a server is used. Acknowledgments are
// facts about a process, so they may be written and read without a majority.
//
// The delivery of invalidations is not part of the guarantee: a change stream, or the polling of servers that have
// none, only reduces the time that a change waits.
const (
	logID = "log"
	// keptInvalidations is the length to which the log is cut when it is twice as long. A node that missed more clears
	// its cache.
	keptInvalidations = 128
	// beatsPerLease is the number of heartbeats in the duration of a lease.
	beatsPerLease = 4
	minBeat       = 20 * time.Millisecond
)

// clusterState is the log document.
type clusterState struct {
	Number int64                `bson:"n"`
	Cached bool                 `bson:"cached"`
	Recent []string             `bson:"recent"`
	Nodes  map[string]nodeState `bson:"nodes"`
}

type nodeState struct {
	Beat    int64 `bson:"beat"`
	Applied int64 `bson:"applied"`
	Lease   int64 `bson:"lease"` // nanoseconds
}

// peer is a registered node as this process last saw it.
type peer struct {
	beat    int64
	since   time.Time // when this process first saw the beat
	lease   time.Duration
	applied int64
}

// cluster is this node's part in the log. The zero lease means that the node does not register and caches nothing.
type cluster struct {
	s     *Store
	id    string
	lease time.Duration
	until atomic.Pointer[time.Time] // when the lease ends; nil if the node may not cache

	mu      sync.Mutex
	beat    int64    // the number of heartbeats sent
	applied int64    // the position of the last invalidation that was applied
	resets  int64    // number of times that the cache was cleared
	recent  []string // the keys of the last invalidations, the last one at position applied
	acked   int64    // the last position reported
	peers   map[string]*peer
	changed chan struct{} // closed when a state was observed
	waiting int           // changes that wait for nodes

	kick chan struct{} // wakes the reader of the log

	queue     []*invalidation // not sent yet
	appending bool
	ended     bool
	length    int // of the log, as last seen
	streaming atomic.Bool
}

func newCluster(s *Store, lease time.Duration) *cluster {
	return &cluster{
		s: s, id: s.nonce(), lease: lease, peers: map[string]*peer{}, changed: make(chan struct{}),
		kick: make(chan struct{}, 1),
	}
}

func (c *cluster) log() *mongo.Collection { return c.s.db.Collection(nodesName) }

var thisLog = bson.D{{Key: "_id", Value: logID}}

// live reports whether cached values may be used; see rule 3. A node whose clock is wrong uses none, since it would
// accept expired sessions.
func (c *cluster) live() bool {
	until := c.until.Load()
	return until != nil && unexpired(*until) && !c.s.skewed.Load()
}

// create creates the log if it does not exist. If cached is true, nodes may cache.
func (c *cluster) create(ctx context.Context, cached bool) error {
	ctx, cancel := c.s.bound(ctx)
	defer cancel()
	update := bson.D{{Key: "$setOnInsert", Value: bson.D{{Key: "n", Value: int64(0)}}}}
	if cached {
		update = append(update, bson.E{Key: "$set", Value: bson.D{{Key: "cached", Value: true}}})
	}
	_, err := c.log().UpdateOne(ctx, thisLog, update, options.UpdateOne().SetUpsert(true))
	if isDuplicate(err) { // another node created it
		_, err = c.log().UpdateOne(ctx, thisLog, update, options.UpdateOne().SetUpsert(true))
	}
	return failed("creating the log of invalidations", err)
}

// join registers the node.
func (c *cluster) join(ctx context.Context) error {
	if c.lease == 0 || c.s.config.Strict {
		c.lease = 0
		return nil
	}
	return c.heartbeat(ctx)
}

// end prevents further invalidations.
func (c *cluster) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

// heartbeat registers the node, applies the state that it returns, and extends the lease.
func (c *cluster) heartbeat(ctx context.Context) error {
	ctx, cancel := c.s.bound(ctx)
	defer cancel()
	c.mu.Lock()
	c.beat++
	applied, beat, own := c.applied, c.beat, "nodes."+c.id
	c.mu.Unlock()
	sent := monotonic()
	state, err := c.write(ctx, thisLog, bson.D{
		{Key: "$max", Value: bson.D{{Key: own + ".beat", Value: beat}, {Key: own + ".applied", Value: applied}}},
		{Key: "$set", Value: bson.D{{Key: own + ".lease", Value: int64(c.lease)}}},
	})
	if err != nil {
		return failed("renewing the lease of the node", err)
	}
	c.apply(ctx, state, applied)
	if state.Cached && c.s.lease.cacheable() {
		ends := sent.Add(c.lease - c.lease/leaseMargin)
		c.until.Store(&ends)
	} else {
		c.until.Store(nil)
	}
	c.removeDead(ctx)
	return nil
}

// write changes the log with majority write concern and returns its state after that.
func (c *cluster) write(ctx context.Context, filter, update bson.D) (state clusterState, err error) {
	err = c.log().FindOneAndUpdate(ctx, filter, update,
		options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&state)
	return state, err
}

// ofRead is the least position of a state that was read, which may be of any age.
const ofRead = -1

// observe applies the invalidations of a state that a majority has committed. A state that a write returned includes
// everything that the node had applied when it sent the write, which is position least; a later state may have been
// observed meanwhile. ahead is the catalog that was read after the state. It returns the nodes that may still answer
// from before the state.
func (c *cluster) observe(state clusterState, least int64, ahead catalogAhead) []wait {
	now := monotonic()
	c.mu.Lock()
	defer c.mu.Unlock()
	missed := state.Number - c.applied
	switch {
	case state.Number < least, missed > int64(len(state.Recent)):
		// The database is a restored one, or the node missed more than the log contains.
		c.s.cached.clear()
		c.resets++
		c.applied, c.recent = state.Number, nil
	case missed > 0:
		keys := state.Recent[int64(len(state.Recent))-missed:]
		for _, key := range keys {
			if ahead.position < state.Number || !isCatalogKey(key) {
				c.s.cached.drop(key)
			}
		}
		c.applied = state.Number
		c.recent = append(c.recent, keys...)
		c.recent = c.recent[max(0, len(c.recent)-4*keptInvalidations):]
	}
	if ahead.position >= c.applied && ahead.version > 0 {
		c.s.cached.catalog.Store(ahead.version)
	}
	if least != ofRead {
		c.length = len(state.Recent)
	}
	waits := c.observeNodes(state, now)
	close(c.changed)
	c.changed = make(chan struct{})
	return waits
}

func (c *cluster) observeNodes(state clusterState, now time.Time) []wait {
	var waits []wait
	for id, node := range state.Nodes {
		p, ok := c.peers[id]
		if !ok {
			p = &peer{}
			c.peers[id] = p
		}
		if node.Beat > p.beat || p.since.IsZero() {
			p.beat, p.since, p.lease = node.Beat, now, time.Duration(node.Lease)
		}
		p.applied = max(p.applied, node.Applied)
		if id != c.id && state.Cached && p.applied < state.Number {
			waits = append(waits, wait{id: id, until: p.since.Add(p.lease)})
		}
	}
	if state.Number < c.applied {
		return waits // an old state, which may lack nodes
	}
	for id := range c.peers {
		if _, ok := state.Nodes[id]; !ok {
			delete(c.peers, id)
		}
	}
	return waits
}

// removeDead removes the nodes that have not renewed their lease for longer than it lasts. A node that was removed
// registers again with its next heartbeat.
func (c *cluster) removeDead(ctx context.Context) {
	now := monotonic()
	dead := map[string]int64{}
	c.mu.Lock()
	for id, p := range c.peers {
		if id != c.id && now.Sub(p.since) > p.lease+p.lease/beatsPerLease {
			dead[id] = p.beat
		}
	}
	c.mu.Unlock()
	for id, beat := range dead {
		// After a failure the next heartbeat tries again.
		_, _ = c.s.lossy(nodesName).UpdateOne(ctx,
			append(bson.D{{Key: "nodes." + id + ".beat", Value: beat}}, thisLog...),
			bson.D{{Key: "$unset", Value: bson.D{{Key: "nodes." + id, Value: ""}}}})
	}
}

// keepLease sends heartbeats until ctx is done.
func (c *cluster) keepLease(ctx context.Context) {
	c.s.every(ctx, max(c.lease/beatsPerLease, minBeat), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, max(c.lease/2, minBeat))
		defer cancel()
		return c.heartbeat(ctx)
	})
}

// leave ends the lease and removes the node, so that changes need not wait for it.
func (c *cluster) leave(ctx context.Context) {
	c.until.Store(nil)
	if c.lease == 0 {
		return
	}
	ctx, cancel := c.s.bound(ctx)
	defer cancel()
	// After a failure the other nodes remove it.
	_, _ = c.log().UpdateOne(ctx, thisLog, bson.D{{Key: "$unset", Value: bson.D{{Key: "nodes." + c.id, Value: ""}}}})
}

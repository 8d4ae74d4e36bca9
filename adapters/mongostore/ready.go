package mongostore

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/fault"
)

// Ping returns nil if a majority has acknowledged a write of this node within the duration of a lease, and the clocks
// do not differ too much. However often it is called, it writes about once per half of that time, and not at all while
// access checks renew the lease.
func (s *Store) Ping(ctx context.Context) error {
	if s.skewed.Load() {
		return fault.ErrStorage.Because(errSkewed)
	}
	if err := ctx.Err(); err != nil {
		return failed("writing a ping", err)
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if !s.lease.enabled() {
		return s.alive.check(ctx, s)
	}
	for range maxProofs { // an orderly change of the primary is no outage
		from, err := s.acquire(ctx)
		if err != nil || from != (primary{}) {
			return err
		}
	}
	return failed("proving the primary", s.lease.lastError())
}

// liveness is the evidence that the server accepts writes, where there are no leases: on a single server and behind
// mongos.
type liveness struct {
	mu      sync.Mutex
	until   time.Time     // when the evidence ends
	err     error         // of the last write
	writing chan struct{} // closed at the end of the current write; nil while there is none
	ended   bool          // the store is closing: there are no more writes
}

func (l *liveness) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// check returns nil while there is evidence. Otherwise it waits for a write, which all concurrent calls share.
func (l *liveness) check(ctx context.Context, s *Store) error {
	l.mu.Lock()
	if monotonic().Before(l.until) {
		l.mu.Unlock()
		return nil
	}
	if l.ended {
		l.mu.Unlock()
		return failed("writing a ping", context.Canceled)
	}
	if l.writing == nil {
		l.start(detached(ctx), s)
	}
	written := l.writing
	l.mu.Unlock()
	select {
	case <-written:
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.err
	case <-ctx.Done():
		return failed("writing a ping", ctx.Err())
	}
}

func (l *liveness) start(ctx context.Context, s *Store) {
	written := make(chan struct{})
	l.writing = written
	sent := monotonic()
	ctx, cancel := s.bound(ctx)
	s.jobs.Go(func() {
		defer cancel()
		err := s.writePing(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.err, l.writing = err, nil
		if err == nil {
			l.until = sent.Add(s.config.Lease / 2)
		}
		close(written)
	})
}

func (s *Store) writePing(ctx context.Context) error {
	_, err := s.db.Collection(metaName).UpdateOne(ctx, bson.D{{Key: "_id", Value: pingID}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}, options.UpdateOne().SetUpsert(true))
	if isDuplicate(err) {
		err = nil // another node inserted the document concurrently: a write succeeded
	}
	return failed("writing a ping", err)
}

package mongostore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// A primary that is partitioned from the other members continues to serve reads until it steps down, up to ten seconds
// later. A primary that was just elected may not know yet that the last writes of its predecessor are committed. Both
// would accept a revoked token. Therefore a node trusts a read for an access check only while it holds a lease:
//
//   - A lease proves that the server was the primary: a majority acknowledged a write of this node through it. It lasts
//     LeaseFor from the time before that write was sent, less a margin for clock drift, and is valid for that primary
//     in that election only. A check without a lease renews it first, or fails. All concurrent checks share one
//     renewal.
//   - A change that may revoke access returns only when this node has known the primary for LeaseFor. Until then,
//     another node may still hold a lease from the previous primary. So a check that starts after the change returned
//     holds a lease that was requested after the election of the change's primary. A majority grants it only to this
//     primary or a later one, and a primary that can commit a write knows all writes committed before it.
//
// Nothing here compares the clocks of two machines. There are no leases on a standalone server, which has no elections,
// or on a sharded cluster, where the driver does not see them.

// LeaseFor is the duration of a lease in the service.
const LeaseFor = 2 * time.Second

// leaseMargin is the divisor of the margin for clock drift: one twentieth of the lease.
const leaseMargin = 20

const leaseID = "lease"

// primary identifies one term of a primary as the driver reports it: its address, its election and its process.
type primary struct {
	address           string
	election, process bson.ObjectID
}

type lease struct {
	lasts time.Duration // 0 disables leases

	mu      sync.Mutex
	present primary       // zero while there is no primary
	known   primary       // the last primary
	since   time.Time     // when this process first learned of known
	proven  primary       // the primary for which the lease is valid
	until   time.Time     // when the lease ends
	cause   error         // why the last renewal failed
	renewal chan struct{} // closed at the end of the current renewal; nil while there is none
	ended   bool          // the store is closing: there are no more renewals
	kind    string        // the kind of the servers, as the driver names it
}

var errNewPrimary = errors.New("the primary changed meanwhile")

// monotonic returns a time for measuring durations. It is not for comparison with stored times: the system clock may be
// set.
func monotonic() time.Time { return time.Now() } //nolint:forbidigo // setting the clock back must not extend a lease

// unexpired reports whether a lease that ends at a monotonic time is valid. The monotonic clock of Linux stops while a
// machine is suspended. The system clock does not, so it may end a lease early, too, and never extends one.
func unexpired(end time.Time) bool {
	now := monotonic()
	return now.Before(end) && now.UnixNano() < end.UnixNano()
}

// monitor receives each change of a server before the driver selects servers by it.
func (l *lease) monitor() *event.ServerMonitor {
	return &event.ServerMonitor{ServerDescriptionChanged: func(e *event.ServerDescriptionChangedEvent) {
		l.onServerChange(e.NewDescription)
	}}
}

func (l *lease) onServerChange(d event.ServerDescription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d.Kind != "Unknown" {
		l.kind = d.Kind
	}
	address := d.Addr.String()
	if d.Kind != "RSPrimary" {
		if l.present.address == address {
			l.present = primary{}
		}
		return
	}
	l.present = primary{address: address, election: d.ElectionID, process: d.TopologyVersionProcessID}
	if l.present != l.known {
		l.known, l.since = l.present, monotonic()
	}
}

// enabled reports whether leases are enabled and a primary has been seen.
func (l *lease) enabled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lasts > 0 && l.known != primary{}
}

// cacheable reports whether the log of the cluster and the values are on one server, so that the position that a read
// returns applies to the values. Behind mongos they may be on different ones.
func (l *lease) cacheable() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kind == "Standalone" || strings.HasPrefix(l.kind, "RS")
}

// held returns the primary of the lease while it is valid, and whether the lease is due for renewal.
func (l *lease) held() (from primary, ok, renew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.until.Sub(monotonic())
	if l.present == (primary{}) || l.present != l.proven || !unexpired(l.until) {
		return primary{}, false, true
	}
	return l.present, true, left < l.lasts/2
}

// isPrimary reports whether from, which held returned, is still the primary.
func (l *lease) isPrimary(from primary) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.present == from
}

// previousLeaseLeft returns how long other nodes may still hold a lease from the previous primary.
func (l *lease) previousLeaseLeft() time.Duration {
	if !l.enabled() {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lasts - monotonic().Sub(l.since)
}

// renew starts a renewal, unless one is in progress, and returns a channel that is closed at its end.
func (s *Store) renew(ctx context.Context) <-chan struct{} {
	l := s.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewal != nil {
		return l.renewal
	}
	done := make(chan struct{})
	if l.ended {
		close(done)
		return done
	}
	l.renewal = done
	from := l.present
	// All waiting checks share the renewal, so it does not end with the context of the first.
	ctx, cancel := s.bound(detached(ctx))
	s.jobs.Go(func() {
		defer cancel()
		sent := monotonic()
		err := s.prove(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case err != nil:
			l.cause = err
		case from != (primary{}) && from == l.present:
			l.proven, l.until = from, sent.Add(l.lasts-l.lasts/leaseMargin)
		default:
			l.cause = errNewPrimary
		}
		l.renewal = nil
		close(done)
	})
	return done
}

// prove writes a document with majority write concern.
func (s *Store) prove(ctx context.Context) error {
	_, err := s.db.Collection(metaName).UpdateOne(ctx, bson.D{{Key: "_id", Value: leaseID}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}, options.UpdateOne().SetUpsert(true))
	return err
}

// maxProofs is the maximum number of reads in withLease when the primary changes meanwhile.
const maxProofs = 4

// withLease calls read under a lease: the result includes every change that any node acknowledged before the call of
// withLease.
func (s *Store) withLease(ctx context.Context, read func() error) error {
	if s.config.Strict || !s.lease.enabled() {
		return read()
	}
	for range maxProofs {
		from, err := s.acquire(ctx)
		if err != nil {
			return err
		}
		if (from == primary{}) {
			continue
		}
		if err := read(); err != nil {
			return err
		}
		if s.lease.isPrimary(from) {
			return nil
		}
	}
	return failed("proving the primary", s.lease.lastError())
}

// lastError returns the error of the last renewal.
func (l *lease) lastError() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		return errNewPrimary
	}
	return l.cause
}

// end prevents further renewals.
func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// acquire returns the primary of the lease and renews the lease if it has ended. It returns the zero primary if the
// renewal failed.
func (s *Store) acquire(ctx context.Context) (primary, error) {
	from, ok, renew := s.lease.held()
	if ok {
		if renew {
			s.renew(ctx)
		}
		return from, nil
	}
	select {
	case <-s.renew(ctx):
		from, _, _ = s.lease.held()
		return from, nil
	case <-ctx.Done():
		return primary{}, failed("proving the primary", ctx.Err())
	}
}

// waitForLeases waits until no node can hold a lease from a previous primary. A revocation is effective on every node
// then.
func (s *Store) waitForLeases(ctx context.Context) error {
	left := s.lease.previousLeaseLeft()
	if left <= 0 {
		return nil
	}
	if err := sleep(ctx, left); err != nil {
		return failed("waiting for leases to end", err)
	}
	return s.waitForLeases(ctx) // another election may have happened meanwhile
}

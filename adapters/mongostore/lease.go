package mongostore

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// A primary that was cut off from the others goes on answering reads until it notices, up to ten seconds later; and one that was
// just elected may not know yet that the last writes under its predecessor are committed. Both would let a token through that has
// been revoked. So a node trusts what it reads for a check only while it holds a lease:
//
//   - A lease is the proof that the primary was one: a majority took a write of this node from it. It lasts LeaseFor from the
//     moment before that write was sent, less a margin for clocks that do not run alike, and counts for that primary alone, in
//     that election. Without one, a check renews it first, all that wait together by one write, or fails.
//   - A change that takes something away is answered only when this node has known the primary for LeaseFor. Until then, another
//     node may still hold a lease from the one before. So a check that starts after the answer holds a lease that was asked for
//     after the change's primary was elected; a majority grants that only to this primary or a later one, and whoever can commit
//     a write knows all that was committed before it.
//
// Nothing here compares the clocks of two machines. Where nobody is elected (a standalone server) or the driver does not see who
// is (a sharded cluster), there are no leases.

// LeaseFor is how long a lease lasts in the service.
const LeaseFor = 2 * time.Second

// leaseMargin is what is taken off for clocks: one twentieth, for one that gains as much on another.
const leaseMargin = 20

const leaseID = "lease"

// primary is one server's time as the primary, as the driver sees it: where it is, its election, and its process.
type primary struct {
	address           string
	election, process bson.ObjectID
}

type lease struct {
	lasts time.Duration // 0: there are no leases

	mu      sync.Mutex
	present primary       // the zero primary while there is none
	known   primary       // the last there was
	since   time.Time     // when this process first heard of known
	proven  primary       // whom the lease counts for
	until   time.Time     // when it ends
	cause   error         // why the last renewal did not succeed
	renewal chan struct{} // closed when the renewal under way has ended; nil while there is none
	ended   bool          // the store is closing: nothing is renewed
}

var errNewPrimary = errors.New("the primary changed meanwhile")

// monotonic is a time for measuring how long something took. It is not what time it is, which may be set.
func monotonic() time.Time { return time.Now() } //nolint:forbidigo // a lease must not get longer when a clock is set back

// monitor hears of each server before the driver chooses by what it has learned.
func (l *lease) monitor() *event.ServerMonitor {
	return &event.ServerMonitor{ServerDescriptionChanged: func(e *event.ServerDescriptionChangedEvent) { l.hear(e.NewDescription) }}
}

func (l *lease) hear(d event.ServerDescription) {
	l.mu.Lock()
	defer l.mu.Unlock()
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

// applies reports whether there is anybody to hold a lease from.
func (l *lease) applies() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lasts > 0 && l.known != primary{}
}

// held returns the primary that the lease is from, while it lasts, and whether it is time to renew it.
func (l *lease) held() (from primary, ok, renew bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.until.Sub(monotonic())
	if l.present == (primary{}) || l.present != l.proven || left <= 0 {
		return primary{}, false, true
	}
	return l.present, true, left < l.lasts/2
}

// still reports whether nothing was heard of another primary since held returned this one.
func (l *lease) still(from primary) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.present == from
}

// young returns how long other nodes may still hold a lease from the primary before this one.
func (l *lease) young() time.Duration {
	if !l.applies() {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lasts - monotonic().Sub(l.since)
}

// renew begins a renewal, unless one is under way, and returns what is closed when it has ended.
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
	// It is for all who wait, so it does not end with the one who began it.
	ctx, cancel := s.bound(context.WithoutCancel(ctx))
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

// prove writes something that a majority has to take.
func (s *Store) prove(ctx context.Context) error {
	_, err := s.db.Collection(metaName).UpdateOne(ctx, bson.D{{Key: "_id", Value: leaseID}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}, options.UpdateOne().SetUpsert(true))
	return err
}

// maxProofs is how often a read begins again because the primary changed meanwhile.
const maxProofs = 4

// fresh reads under a lease: what it reads holds whatever was acknowledged before it was called, on any node.
func (s *Store) fresh(ctx context.Context, read func() error) error {
	if s.config.Strict || !s.lease.applies() {
		return read()
	}
	for range maxProofs {
		from, err := s.hold(ctx)
		if err != nil {
			return err
		}
		if (from == primary{}) {
			continue
		}
		if err := read(); err != nil {
			return err
		}
		if s.lease.still(from) {
			return nil
		}
	}
	return failed("proving the primary", s.lease.why())
}

// why returns what the last renewal ran into.
func (l *lease) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		return errNewPrimary
	}
	return l.cause
}

// end lets no renewal begin any more.
func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// hold returns whom the lease is from, renewing it if need be; the zero primary when that did not succeed.
func (s *Store) hold(ctx context.Context) (primary, error) {
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

// outlast waits until no node can hold a lease from a primary before the present one. What a change took away is gone
// everywhere then.
func (s *Store) outlast(ctx context.Context) error {
	left := s.lease.young()
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.outlast(ctx) // there may be yet another one
	case <-ctx.Done():
		return failed("waiting for leases to end", ctx.Err())
	}
}

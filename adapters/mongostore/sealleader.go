package mongostore

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// One node seals the audit log. It holds a lease: a document with its holder, the number of its term, and a counter
// that each renewal increments.
//
//   - The holder renews before each segment, in a write on condition that its term is the current one. It trusts a
//     renewal for the duration of the lease from the time before the write was sent, less a margin for clock drift.
//   - Another node takes over if it has read the same term and counter for the duration of the lease, by its own clock.
//     Its write increments the term on condition that the counter is unchanged.
//
// So no clocks of two machines are compared, and a holder that was paused fails at its next renewal. If it was paused
// between the renewal and the insert of the segment, the number of the segment refuses it: see Audit.PutSegment.

const (
	sequencerID = "sequencer"
	// minSealLease is the minimum duration of the lease. Longer intervals of sealing have a longer lease.
	minSealLease = 3 * time.Second
	// leaseIntervals is the number of intervals that a lease lasts: as many renewals may be late.
	leaseIntervals = 3
)

// sealLease is the stored lease.
type sealLease struct {
	Holder string `bson:"holder"` // empty after the holder has resigned
	Term   int64  `bson:"term"`
	Beat   int64  `bson:"beat"`  // incremented by each renewal
	Lasts  int64  `bson:"lasts"` // nanoseconds
}

// sealLeader is this node's view of the lease.
type sealLeader struct {
	now func() time.Time // monotonic
	id  string           // of this process

	mu    sync.Mutex
	term  int64     // of the lease that this node holds; 0 if it holds none
	seen  sealLease // what was read last from another node
	since time.Time // when seen was first read
}

// Lead takes or renews the lease.
func (a *Audit) Lead(ctx context.Context, every time.Duration) (bool, error) {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	l := a.s.sealing
	l.mu.Lock()
	defer l.mu.Unlock()
	lasts := max(minSealLease, leaseIntervals*every)
	if l.term > 0 {
		return a.s.renewSealLease(ctx, lasts)
	}
	var found sealLease
	exists, err := a.s.readOne(ctx, a.s.db.Collection(metaName), bson.D{{Key: "_id", Value: sequencerID}}, &found)
	switch {
	case err != nil:
		return false, err
	case !exists:
		return a.s.insertSealLease(ctx, lasts)
	case found.Holder == l.id: // the response to the write that took the lease was lost
		l.term = found.Term
		return a.s.renewSealLease(ctx, lasts)
	case found.Holder != "" && found != l.seen:
		l.seen, l.since = found, l.now()
		return false, nil
	case found.Holder != "" && l.now().Sub(l.since) < time.Duration(found.Lasts):
		return false, nil
	}
	return a.s.takeSealLease(ctx, found, lasts)
}

// renewSealLease renews the lease if its term is still that of this node.
func (s *Store) renewSealLease(ctx context.Context, lasts time.Duration) (bool, error) {
	l := s.sealing
	return s.writeSealLease(ctx, lasts, l.term, bson.D{{Key: "holder", Value: l.id}, {Key: "term", Value: l.term}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "beat", Value: int64(1)}}}})
}

// takeSealLease begins a term if the lease is still the one that was found.
func (s *Store) takeSealLease(ctx context.Context, found sealLease, lasts time.Duration) (bool, error) {
	return s.writeSealLease(ctx, lasts, found.Term+1, bson.D{
		{Key: "holder", Value: found.Holder}, {Key: "term", Value: found.Term}, {Key: "beat", Value: found.Beat},
	}, bson.D{{Key: "$inc", Value: bson.D{{Key: "term", Value: int64(1)}, {Key: "beat", Value: int64(1)}}}})
}

// writeSealLease applies the update to the lease under the condition. After it the node leads in the term.
func (s *Store) writeSealLease(ctx context.Context, lasts time.Duration, term int64, condition,
	update bson.D,
) (bool, error) {
	l := s.sealing
	filter := append(bson.D{{Key: "_id", Value: sequencerID}}, condition...)
	update = append(update, bson.E{Key: "$set", Value: bson.D{
		{Key: "holder", Value: l.id}, {Key: "lasts", Value: int64(lasts)},
	}})
	sent := l.now()
	result, err := s.db.Collection(metaName).UpdateOne(ctx, filter, update)
	if err != nil && !isConflict(err) {
		return false, failed("renewing the lease of the audit log", err)
	}
	if lost := err != nil || result.MatchedCount == 0; lost {
		l.term, l.seen = 0, sealLease{} // another node has taken over
		return false, nil
	}
	l.term = term
	return l.now().Sub(sent) < lasts-lasts/leaseMargin, nil
}

// insertSealLease begins the first term.
func (s *Store) insertSealLease(ctx context.Context, lasts time.Duration) (bool, error) {
	sent := s.sealing.now()
	_, err := s.db.Collection(metaName).InsertOne(ctx, bson.D{
		{Key: "_id", Value: sequencerID},
		{Key: "holder", Value: s.sealing.id},
		{Key: "term", Value: int64(1)},
		{Key: "beat", Value: int64(1)},
		{Key: "lasts", Value: int64(lasts)},
	})
	if isDuplicate(err) {
		return false, nil
	}
	if err != nil {
		return false, failed("taking the lease of the audit log", err)
	}
	s.sealing.term = 1
	return s.sealing.now().Sub(sent) < lasts-lasts/leaseMargin, nil
}

// Resign gives up the lease.
func (a *Audit) Resign(ctx context.Context) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	l := a.s.sealing
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == 0 {
		return nil
	}
	_, err := a.s.db.Collection(metaName).UpdateOne(ctx, bson.D{
		{Key: "_id", Value: sequencerID}, {Key: "holder", Value: l.id}, {Key: "term", Value: l.term},
	}, bson.D{{Key: "$set", Value: bson.D{{Key: "holder", Value: ""}}}})
	l.term = 0
	return failed("resigning the lease of the audit log", err)
}

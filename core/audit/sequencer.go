package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// maxSegment limits the entries of one segment, and so the memory of a pass.
	maxSegment = 4096
	// maxLost is how many races for the next segment a pass may lose before it leaves the rest to the next one.
	maxLost = 1000
)

// Sequencer seals new entries: it assigns their positions, links them into segments and signs a checkpoint of each. Of
// several nodes, the one with the lease seals periodically; every node may seal at other times. The number of a segment
// is assigned once, and the loser of a race retries.
type Sequencer struct {
	store  ports.AuditSealStore
	signer *Signer
	clock  ports.Clock
	sinks  []ports.CheckpointSink
}

// NewSequencer returns a Sequencer that also publishes each checkpoint to the sinks.
func NewSequencer(store ports.AuditSealStore, signer *Signer, clock ports.Clock,
	sinks ...ports.CheckpointSink,
) *Sequencer {
	return &Sequencer{store: store, signer: signer, clock: clock, sinks: sinks}
}

// Run seals in this interval while this node has the lease, until ctx is done. Then it seals once more and resigns.
// Errors are passed to report, and the next run retries.
func (s *Sequencer) Run(ctx context.Context, lease ports.AuditSealLease, every time.Duration, report func(error)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			ctx := context.WithoutCancel(ctx)
			_, err := s.Seal(ctx)
			if err := errors.Join(err, lease.Resign(ctx)); err != nil {
				report(err)
			}
			return
		case <-ticker.C:
			if _, err := s.SealAsLeader(ctx, lease, every); err != nil {
				report(err)
			}
		}
	}
}

// SealAsLeader is Seal for the node with the lease; on other nodes it does nothing. It renews the lease before each
// segment, and leaves the rest to the new leader when the lease is lost.
func (s *Sequencer) SealAsLeader(ctx context.Context, lease ports.AuditSealLease, every time.Duration) (int, error) {
	return s.seal(ctx, func() (bool, error) { return lease.Lead(ctx, every) })
}

// ErrForged reports that entries were changed or added by another program before they were sealed. They are sealed as
// disputed.
var ErrForged = errors.New("an entry of the audit log was changed or added past the service before it was sealed")

// Seal seals all entries that were written before the call and returns their number. ErrForged and errors of a sink
// are returned after the sealing, which is not undone.
func (s *Sequencer) Seal(ctx context.Context) (int, error) {
	return s.seal(ctx, func() (bool, error) { return true, nil })
}

// seal seals segments while proceed, which it calls before each, returns true.
func (s *Sequencer) seal(ctx context.Context, proceed func() (bool, error)) (int, error) {
	sealed, lost := 0, 0
	var after error
	for {
		ok, err := proceed()
		if err != nil || !ok {
			return sealed, errors.Join(err, after)
		}
		next, err := s.sealNext(ctx)
		if errors.Is(err, fault.ErrConflict) && lost < maxLost {
			lost++ // another node has sealed these; read again
			continue
		}
		if err != nil {
			return sealed, err
		}
		lost = 0
		if next.Count == 0 {
			return sealed, after
		}
		sealed += int(next.Count)
		if len(next.disputed) > 0 {
			after = errors.Join(after, fmt.Errorf("%w: %d, the first is %s in segment %d",
				ErrForged, len(next.disputed), next.disputed[0], next.Number))
		}
		for _, sink := range s.sinks {
			after = errors.Join(after, sink.Publish(ctx, next.Segment, next.records))
		}
		if !next.full {
			return sealed, after
		}
	}
}

// ErrBehind reports that the log lacks a checkpoint that was published.
var ErrBehind = errors.New("the audit log in the store is older than its checkpoint, or another")

// CheckReached returns ErrBehind if the log does not reach the checkpoint, the line of a sink: the store is an older
// copy, or its newest part was removed.
func (s *Sequencer) CheckReached(ctx context.Context, line []byte) error {
	checkpoint, err := auditformat.ParseCheckpoint(line)
	if err != nil {
		return err
	}
	last, err := s.store.LastSegment(ctx)
	if err != nil {
		return err
	}
	if last.Number == checkpoint.Number && last.Root != checkpoint.Root {
		return fmt.Errorf("%w: segment %d differs", ErrBehind, last.Number)
	}
	if last.Number < checkpoint.Number {
		return fmt.Errorf("%w: it ends at segment %d, and segment %d was sealed at %s", ErrBehind, last.Number,
			checkpoint.Number,
			checkpoint.SealedAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// sealing is a segment with the records it seals.
type sealing struct {
	auditformat.Segment

	records  []auditformat.Record
	disputed []domain.LogID
	full     bool // more entries may be waiting
}

// sealNext seals one segment. Without new entries the segment is empty.
func (s *Sequencer) sealNext(ctx context.Context) (sealing, error) {
	last, err := s.store.LastSegment(ctx)
	if err != nil {
		return sealing{}, err
	}
	records, err := s.store.Unsealed(ctx, maxSegment)
	if err != nil || len(records) == 0 {
		return sealing{}, err
	}
	first, err := firstPlace(&last, &records[0])
	if err != nil {
		return sealing{}, err
	}
	run := consecutive(records)
	leaves, ids, disputed, err := s.leaves(ctx, run)
	if err != nil {
		return sealing{}, err
	}
	segment, err := auditformat.NewSegment(&last, first, leaves, s.clock.Now())
	if err != nil {
		return sealing{}, err
	}
	key, err := s.signer.load(ctx)
	if err != nil {
		return sealing{}, err
	}
	segment.Sign(key)
	if err := s.store.PutSegment(ctx, segment, ids); err != nil {
		return sealing{}, err
	}
	for i := range run {
		run[i].Seq = first + int64(i) // also if the store assigns positions only now
	}
	return sealing{segment, run, disputed, len(records) == maxSegment || len(run) < len(records)}, nil
}

// firstPlace returns the position of the first record after the last segment.
func firstPlace(last *auditformat.Segment, record *auditformat.Record) (int64, error) {
	first := last.Last() + 1
	if last.Number == 0 {
		first = 1
	}
	switch {
	case record.Seq == 0:
		return first, nil
	case record.Seq < first:
		return 0, fmt.Errorf("sealing the audit log: entry %s is at position %d, which is sealed", record.ID, record.Seq)
	}
	return record.Seq, nil
}

// leaves returns the digests of the records. A record without a valid mark was changed or added by another program.
// It is sealed as disputed, since omitting it would hide it, and stopping would let an attacker stop the log.
func (s *Sequencer) leaves(ctx context.Context, run []auditformat.Record) (leaves []auditformat.Digest, ids,
	disputed []domain.LogID, err error,
) {
	marker, err := s.signer.Marker(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	leaves = make([]auditformat.Digest, len(run))
	ids = make([]domain.LogID, len(run))
	for i := range run {
		leaves[i], ids[i] = run[i].Leaf(), run[i].ID
		if !marker.isMarked(&run[i]) {
			leaves[i] = run[i].DisputedLeaf()
			disputed = append(disputed, run[i].ID)
		}
	}
	return leaves, ids, disputed, nil
}

// consecutive returns the records up to the first gap. A gap is left by an entry that was removed before it was
// sealed; the segments on both sides prove it permanently.
func consecutive(records []auditformat.Record) []auditformat.Record {
	for i := 1; i < len(records); i++ {
		if records[i].Seq != 0 && records[i].Seq != records[i-1].Seq+1 {
			return records[:i]
		}
	}
	return records
}

package audit

import (
	"context"
	"math"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// StoreVerifier verifies the log in a store.
type StoreVerifier struct {
	proofs ports.AuditProofs
	store  ports.AuditSealStore
	signer *Signer
}

// NewStoreVerifier returns a StoreVerifier.
func NewStoreVerifier(proofs ports.AuditProofs, store ports.AuditSealStore, signer *Signer) *StoreVerifier {
	return &StoreVerifier{proofs: proofs, store: store, signer: signer}
}

// Verify reads the whole log in constant memory and reports the first damage. An error means that the log could not
// be read. Entries after the last segment are not sealed yet: those of the next segment are checked against their
// marks, and the others are only counted.
func (v *StoreVerifier) Verify(ctx context.Context, trust Trust) (Report, error) {
	return v.verify(ctx, trust, func(int64) {})
}

func (v *StoreVerifier) verify(ctx context.Context, trust Trust, progress func(records int64)) (Report, error) {
	if err := v.proofs.RemoveCut(ctx, nil); err != nil { // the rest of a removal that was interrupted
		return Report{}, err
	}
	key, err := v.signer.PublicKey(ctx)
	if err != nil {
		return Report{}, err
	}
	source := &storeSource{ctx: ctx, StoreVerifier: v, from: math.MinInt64, progress: progress}
	verify := newVerifier(source, trust, key)
	source.missing = verify.checker.missing
	verify.report.Key, verify.report.Complete = key, true
	return verify.run(func(e *entry) error {
		verify.report.Unsealed++
		return verify.ids.see(e)
	}, func() error {
		if verify.first == 0 && verify.report.Unsealed == 0 {
			return &Finding{Damage: DamageUnproved, Reason: "the log has no entries; the store was never set up"}
		}
		return nil
	})
}

// storeSource is the log in a store.
type storeSource struct {
	*StoreVerifier

	ctx      context.Context //nolint:containedctx // of one verification
	from     int64           // the position to read from
	missing  func() error
	read     int64 // records
	progress func(records int64)
}

// segments also compares what the filters of the store contain with the entries of each segment.
func (s *storeSource) segments(yield func(*sealedSegment) error) error {
	err := s.proofs.Segments(s.ctx, 0, func(segment auditformat.Segment) error {
		if err := yield(&sealedSegment{Segment: segment, complete: true}); err != nil || len(segment.Leaves) == 0 {
			return err
		}
		mismatch, err := s.proofs.IndexMismatch(s.ctx, segment.First, segment.Last())
		if err != nil || mismatch == nil {
			return err
		}
		return &Finding{
			Damage: DamageIndex, Seq: mismatch.Seq, ID: mismatch.ID,
			Reason: "the filters contain another " + mismatch.Field + " than was sealed",
		}
	})
	if err == nil {
		err = s.missing()
	}
	if err == nil {
		err = s.marks()
	}
	return err
}

// marks checks the marks of the entries of the next segment.
func (s *storeSource) marks() error {
	marker, err := s.signer.Marker(s.ctx)
	if err != nil {
		return err
	}
	records, err := s.store.Unsealed(s.ctx, maxSegment)
	if err != nil {
		return err
	}
	for i := range records {
		if !marker.isMarked(&records[i]) {
			return about(DamageChanged, &entry{Record: records[i]}, reasonForged)
		}
	}
	return nil
}

func (s *storeSource) entries(last int64, yield func(*entry) error) error {
	err := s.records(s.from, last, yield)
	s.from = last + 1
	return err
}

func (s *storeSource) all(yield func(*entry) error) error {
	return s.records(math.MinInt64, math.MaxInt64, yield)
}

func (s *storeSource) records(first, last int64, yield func(*entry) error) error {
	return s.proofs.Records(s.ctx, first, last, domain.AuditQuery{}, func(r *auditformat.Record) error {
		if s.read++; s.read%progressEvery == 0 {
			s.progress(s.read)
		}
		return yield(&entry{Record: *r})
	})
}

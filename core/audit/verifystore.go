package audit

import (
	"context"
	"errors"
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
	key, err := v.signer.PublicKey(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Complete: true, Key: key}
	segments, ids := newSegmentChecker(trust, key), newDuplicates(recentIDs, lateIDs)
	err = v.proofs.Segments(ctx, 0, func(s auditformat.Segment) error {
		base := segments.previous == nil && len(s.Leaves) == 0
		if report.Finding = segments.check(&s); report.Finding != nil {
			return errEnough
		}
		if base {
			report.First = s.Last() + 1
			return v.nothing(ctx, &report, s.Last())
		}
		if report.First == 0 {
			report.First = s.First
			if err := v.nothing(ctx, &report, s.First-1); err != nil {
				return err
			}
		}
		report.Segments++
		report.Last = s.Last()
		if err := v.segment(ctx, &report, &s, ids); err != nil {
			return err
		}
		return v.filed(ctx, &report, s.First, s.Last())
	})
	if err := unless(err, errEnough); err != nil {
		return report, err
	}
	if report.Finding == nil {
		report.Finding = segments.missing()
	}
	if report.Finding != nil {
		return report, nil
	}
	err = v.conclude(ctx, &report, ids)
	return report, err
}

// conclude checks the unsealed entries and the log as a whole.
func (v *StoreVerifier) conclude(ctx context.Context, report *Report, ids *duplicates) error {
	if err := v.rest(ctx, report, ids); err != nil || report.Finding != nil {
		return err
	}
	if report.First == 0 && report.Unsealed == 0 {
		report.Finding = &Finding{Damage: DamageUnproved, Reason: "the log has no entries; the store was never set up"}
		return nil
	}
	copied, err := ids.search(v.walk(ctx))
	report.Finding = copied.finding()
	return err
}

// walk iterates over the ids of all entries, as in their sealed texts.
func (v *StoreVerifier) walk(ctx context.Context) entryWalk {
	return func(yield func(domain.LogID, int64) error) error {
		return v.proofs.Records(ctx, math.MinInt64, math.MaxInt64, domain.AuditQuery{}, func(r *auditformat.Record) error {
			return yield(auditformat.IDOf(r.Public), r.Seq)
		})
	}
}

// segment compares the records at the positions of the segment with its digests.
func (v *StoreVerifier) segment(ctx context.Context, report *Report, s *auditformat.Segment, ids *duplicates) error {
	next := s.First
	err := v.proofs.Records(ctx, s.First, s.Last(), domain.AuditQuery{}, func(r *auditformat.Record) error {
		switch {
		case r.Seq < next:
			report.Finding = &Finding{
				Damage: DamageAdded, Seq: r.Seq, ID: auditformat.IDOf(r.Public), Reason: "another entry has its place",
			}
		case r.Seq > next:
			report.Finding = &Finding{Damage: DamageRemoved, Seq: next, Reason: "its place is empty"}
		default:
			report.Finding = compare(s, r)
		}
		if report.Finding == nil {
			report.Finding = ids.see(auditformat.IDOf(r.Public), r.Seq).finding()
		}
		if report.Finding != nil {
			return errEnough
		}
		next++
		report.Entries++
		if r.ActorSalt == nil || r.PersonalSalt == nil {
			report.Erased++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if next <= s.Last() {
		report.Finding = &Finding{Damage: DamageRemoved, Seq: next, Reason: "its place is empty"}
		return errEnough
	}
	return nil
}

// nothing reports a record at a position up to last, where there can be none.
func (v *StoreVerifier) nothing(ctx context.Context, report *Report, last int64) error {
	return v.proofs.Records(ctx, math.MinInt64, last, domain.AuditQuery{}, func(r *auditformat.Record) error {
		report.Finding = &Finding{Damage: DamageAdded, Seq: r.Seq, ID: r.ID, Reason: "no segment holds its place"}
		return errEnough
	})
}

// filed reports an entry whose filter values in the store differ from its text.
func (v *StoreVerifier) filed(ctx context.Context, report *Report, first, last int64) error {
	mismatch, err := v.proofs.IndexMismatch(ctx, first, last)
	if err != nil || mismatch == nil {
		return err
	}
	report.Finding = &Finding{
		Damage: DamageIndex, Seq: mismatch.Seq, ID: mismatch.ID, Reason: "what the filters hold as its " + mismatch.Field + " is not what was sealed",
	}
	return errEnough
}

// rest checks the unsealed entries: the marks of the next segment's, and the ids of all.
func (v *StoreVerifier) rest(ctx context.Context, report *Report, ids *duplicates) error {
	marker, err := v.signer.Marker(ctx)
	if err != nil {
		return err
	}
	records, err := v.store.Unsealed(ctx, maxSegment)
	if err != nil {
		return err
	}
	for i := range records {
		if !marker.isMarked(&records[i]) {
			report.Finding = &Finding{Damage: DamageChanged, Seq: records[i].Seq, ID: records[i].ID, Reason: reasonForged}
			return nil
		}
	}
	err = v.proofs.Records(ctx, report.Last+1, math.MaxInt64, domain.AuditQuery{}, func(r *auditformat.Record) error {
		report.Unsealed++
		if report.Finding = ids.see(auditformat.IDOf(r.Public), r.Seq).finding(); report.Finding != nil {
			return errEnough
		}
		return nil
	})
	return unless(err, errEnough)
}

// unless returns err, or nil if it is the error that only ends an iteration.
func unless(err, ends error) error {
	if errors.Is(err, ends) {
		return nil
	}
	return err
}

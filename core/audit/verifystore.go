package audit

import (
	"context"
	"errors"
	"math"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// StoreVerifier proves the log in a store.
type StoreVerifier struct {
	proofs ports.AuditProofs
	store  ports.AuditSealStore
	signer *Signer
}

// NewStoreVerifier returns a StoreVerifier.
func NewStoreVerifier(proofs ports.AuditProofs, store ports.AuditSealStore, signer *Signer) *StoreVerifier {
	return &StoreVerifier{proofs: proofs, store: store, signer: signer}
}

// Verify walks through the whole log in constant memory and reports the first damage. An error means that it could not be
// read. Entries behind the last segment are not sealed yet, so of them only the number is told.
func (v *StoreVerifier) Verify(ctx context.Context, trust Trust) (Report, error) {
	key, err := v.signer.PublicKey(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Complete: true, Key: key}
	segments := newSegmentChecker(trust, key)
	err = v.proofs.Segments(ctx, 0, func(s domain.AuditSegment) error {
		base := segments.previous == nil && len(s.Leaves) == 0
		if report.Finding = segments.check(&s); report.Finding != nil {
			return errEnough
		}
		if base {
			report.First = s.Last() + 1
			return v.nothing(ctx, &report, 0, s.Last())
		}
		if report.First == 0 {
			report.First = s.First
			if err := v.nothing(ctx, &report, 0, s.First-1); err != nil {
				return err
			}
		}
		report.Segments++
		report.Last = s.Last()
		return v.segment(ctx, &report, &s)
	})
	if err := unless(err, errEnough); err != nil {
		return report, err
	}
	err = nil
	if report.Finding == nil {
		report.Finding = segments.missing()
	}
	if report.Finding == nil {
		err = v.rest(ctx, &report)
	}
	return report, err
}

// segment compares what stands at the places of the segment with what was sealed there.
func (v *StoreVerifier) segment(ctx context.Context, report *Report, s *domain.AuditSegment) error {
	next := s.First
	err := v.proofs.Records(ctx, s.First, s.Last(), domain.AuditQuery{}, func(r *domain.AuditRecord) error {
		if r.Seq != next {
			report.Finding = &Finding{Damage: DamageRemoved, Seq: next, Reason: "its place is empty"}
			return errEnough
		}
		if report.Finding = compare(s, r); report.Finding != nil {
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

// nothing reports an entry at places where there can be none.
func (v *StoreVerifier) nothing(ctx context.Context, report *Report, first, last int64) error {
	return v.proofs.Records(ctx, first, last, domain.AuditQuery{}, func(r *domain.AuditRecord) error {
		report.Finding = &Finding{Damage: DamageAdded, Seq: r.Seq, ID: r.ID, Reason: "no segment holds its place"}
		return errEnough
	})
}

// rest counts what is not sealed yet.
func (v *StoreVerifier) rest(ctx context.Context, report *Report) error {
	return v.proofs.Records(ctx, report.Last+1, math.MaxInt64, domain.AuditQuery{}, func(*domain.AuditRecord) error {
		report.Unsealed++
		return nil
	})
}

// unless returns err, or nil where it is the one that only ends a walk.
func unless(err, ends error) error {
	if errors.Is(err, ends) {
		return nil
	}
	return err
}

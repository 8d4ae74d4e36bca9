package audit

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// minRetention is a safety limit: a mistake cannot remove newer entries.
const minRetention = 24 * time.Hour

// Cut is the result of a retention run.
type Cut struct {
	// Segment is the last removed segment; its checkpoint remains, and the log begins after it. It is 0 if nothing
	// was old enough.
	Segment int64
	// Last is the position of the last removed entry.
	Last int64
}

// Retain removes the entries that were sealed before the given time, in whole segments, and keeps the checkpoint of
// the last: the rest of the log remains provable. It requires system.configure and writes an audit entry. A time less
// than a day ago is fault.ErrInvalid.
//
// The entry and the decision are one write, and the removal follows in batches. FinishRetention continues a removal
// that was interrupted, as does the next Retain.
func (s *Service) Retain(ctx context.Context, by domain.Principal, before time.Time, progress ports.Progress) (Cut,
	error,
) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return Cut{}, err
	}
	if s.deps.Clock.Now().Sub(before) < minRetention {
		return Cut{}, fault.ErrInvalid.About("before", "must be at least a day ago")
	}
	segment, err := s.deps.Proofs.SegmentBefore(ctx, before)
	if err != nil {
		return Cut{}, err
	}
	if segment.Number == 0 {
		return Cut{}, s.deps.Proofs.RemoveCut(ctx, progress)
	}
	var out domain.Outbox
	out.Record(s.deps.Writer.Entry(by, domain.ActionDataAccess, auditLog, Detail("operation", "retention"),
		Detail("segment", segment.Number), Detail("last_entry", segment.Last()), Detail("root", segment.Root.String()),
		Detail("before", before.UTC().Format(time.RFC3339))))
	if err := s.deps.Proofs.CutSegments(ctx, segment.Number, out); err != nil {
		return Cut{}, err
	}
	return Cut{Segment: segment.Number, Last: segment.Last()}, s.deps.Proofs.RemoveCut(ctx, progress)
}

// FinishRetention continues a removal that was interrupted.
func (s *Service) FinishRetention(ctx context.Context, progress ports.Progress) error {
	return s.deps.Proofs.RemoveCut(ctx, progress)
}

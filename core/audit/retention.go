package audit

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
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
func (s *Service) Retain(ctx context.Context, by domain.Principal, before time.Time) (Cut, error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return Cut{}, err
	}
	if s.deps.Clock.Now().Sub(before) < minRetention {
		return Cut{}, fault.ErrInvalid.About("before", "must be at least a day ago")
	}
	segment, err := s.deps.Proofs.SegmentBefore(ctx, before)
	if err != nil || segment.Number == 0 {
		return Cut{}, err
	}
	var out domain.Outbox
	out.Record(s.deps.Writer.Entry(by, domain.ActionDataAccess, auditLog, Detail("operation", "retention"),
		Detail("segment", segment.Number), Detail("last_entry", segment.Last()), Detail("root", segment.Root.String()),
		Detail("before", before.UTC().Format(time.RFC3339))))
	if err := s.deps.Proofs.CutSegments(ctx, segment.Number, out); err != nil {
		return Cut{}, err
	}
	return Cut{Segment: segment.Number, Last: segment.Last()}, nil
}

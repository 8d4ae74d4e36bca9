package audit

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// minRetention bounds what a mistake can cut off.
const minRetention = 24 * time.Hour

// Cut is what a retention run removed.
type Cut struct {
	// Segment is the last one that was removed; its checkpoint stays, and the log begins after it. 0 when nothing was old
	// enough.
	Segment int64
	// Last is the place of the last entry removed.
	Last int64
}

// Retain removes the entries that were sealed before the time given, in whole segments, and keeps the checkpoint of the last:
// what is left still proves itself. It takes system.configure and leaves an entry of its own. A time less than a day ago is
// fault.ErrInvalid.
func (s *Service) Retain(ctx context.Context, by domain.Principal, before time.Time) (Cut, error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return Cut{}, err
	}
	if s.clock.Now().Sub(before) < minRetention {
		return Cut{}, fault.ErrInvalid.About("before", "must be at least a day ago")
	}
	segment, err := s.proofs.SegmentBefore(ctx, before)
	if err != nil || segment.Number == 0 {
		return Cut{}, err
	}
	var out domain.Outbox
	out.Record(s.journal.Entry(by, domain.ActionDataAccess, auditLog, Detail("operation", "retention"),
		Detail("segment", segment.Number), Detail("last_entry", segment.Last()), Detail("root", segment.Root.String()),
		Detail("before", before.UTC().Format(time.RFC3339))))
	if err := s.proofs.CutSegments(ctx, segment.Number, out); err != nil {
		return Cut{}, err
	}
	return Cut{Segment: segment.Number, Last: segment.Last()}, nil
}

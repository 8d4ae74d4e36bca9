package mongostore

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Segments calls yield for each segment from the one on that holds the place, reading one at a time.
func (a *Audit) Segments(ctx context.Context, seq int64, yield func(domain.AuditSegment) error) error {
	for next := max(seq, 1); ; {
		d, err := a.segment(ctx, bson.D{{Key: "last", Value: bson.D{{Key: "$gte", Value: next}}}},
			options.FindOne().SetSort(bson.D{{Key: "last", Value: 1}}).SetHint("last"))
		if err != nil || d.Number == 0 {
			return err
		}
		if err := yield(d.Segment.domain()); err != nil {
			return err
		}
		next = d.Last + 1
	}
}

// placed calls yield for each document with a place from first to last that matches, in the order of the places. Places that
// several documents claim are none that the service gave, and every one of them is read.
func (a *Audit) placed(ctx context.Context, first, last int64, also bson.D, yield func(*auditDocument) error) error {
	var read []string // the ids at the place first that were read already
	for first <= last {
		filter := bson.D{{Key: "seq", Value: bson.D{{Key: "$gte", Value: first}, {Key: "$lte", Value: last}}}}
		if len(read) > 0 {
			filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$nin", Value: read}}})
		}
		docs, err := a.find(ctx, append(filter, also...),
			options.Find().SetHint("seq").SetSort(bson.D{{Key: "seq", Value: 1}}).SetLimit(scanBatch))
		if err != nil {
			return err
		}
		for i := range docs {
			if err := yield(&docs[i]); err != nil {
				return err
			}
		}
		if len(docs) < scanBatch {
			return nil
		}
		if at := docs[len(docs)-1].Seq; at != first {
			first, read = at, nil
		}
		for i := range docs {
			if docs[i].Seq == first {
				read = append(read, docs[i].ID)
			}
		}
	}
	return nil
}

// Misfiled returns the first record whose values for filters are not what its text says.
func (a *Audit) Misfiled(ctx context.Context, first, last int64) (*domain.AuditMisfiling, error) {
	var found *domain.AuditMisfiling
	err := a.placed(ctx, max(first, 1), last, nil, func(d *auditDocument) error {
		filed := domain.AuditFiling{
			Time: d.At, UserID: d.UserID, Action: d.Action, Success: d.Success, RequestID: d.RequestID, Target: d.Target,
		}
		if field := filed.Differs(d.Public); field != "" {
			found = &domain.AuditMisfiling{Seq: d.Seq, ID: domain.LogID(d.ID), Field: field}
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

// errEnough ends a walk before its end.
var errEnough = errors.New("enough was read")

// Records calls yield for each record with a place from first to last that matches, in the order of the places. Those that are not
// sealed yet come at the places that they will have. The service gives no place below 1; what is stored there is read all the same,
// and from the least place on what is stored without a place.
func (a *Audit) Records(ctx context.Context, first, last int64, query domain.AuditQuery, yield func(*domain.AuditRecord) error) error {
	next, filter := max(first, 1), auditFilter(query)
	read := func(d *auditDocument) error {
		r := d.record()
		next = max(next, d.Seq+1)
		return yield(&r)
	}
	if first == math.MinInt64 {
		if err := a.placeless(ctx, filter, read); err != nil {
			return err
		}
	}
	if err := a.placed(ctx, first, min(last, -1), filter, read); err != nil {
		return err
	}
	if err := a.placed(ctx, next, last, filter, read); err != nil {
		return err
	}
	if next > last {
		return nil
	}
	sealed, err := a.LastSegment(ctx)
	if err != nil || last <= sealed.Last() {
		return err
	}
	place := max(sealed.Last(), 0) // the last place of no segment is -1
	return a.unplaced(ctx, place, query, func(r *domain.AuditRecord) error {
		if r.Seq < first || r.Seq > last {
			return nil
		}
		return yield(r)
	})
}

// placeless calls yield for documents whose place is absent or no number, as if it were 0. The service writes none, no segment and no
// export would have them, and the list shows them. Of very many, not all are read: one is damage enough.
func (a *Audit) placeless(ctx context.Context, also bson.D, yield func(*auditDocument) error) error {
	anyPlace := bson.D{{Key: "seq", Value: bson.D{{Key: "$gte", Value: int64(math.MinInt64)}}}} // of a number
	docs, err := a.find(ctx, append(bson.D{{Key: "$nor", Value: bson.A{anyPlace}}}, also...),
		options.Find().SetHint("seq").SetLimit(scanBatch).SetProjection(bson.D{{Key: "seq", Value: 0}}))
	if err != nil {
		return err
	}
	for i := range docs {
		if err := yield(&docs[i]); err != nil {
			return err
		}
	}
	return nil
}

// unplaced calls yield for the records that no segment holds, with the places that they will have after the one given. Of those
// that the query leaves out, only the place counts.
func (a *Audit) unplaced(ctx context.Context, place int64, query domain.AuditQuery, yield func(*domain.AuditRecord) error) error {
	filter := bson.D{{Key: "seq", Value: int64(0)}}
	for {
		docs, err := a.find(ctx, filter, inWriting(scanBatch))
		if err != nil {
			return err
		}
		for i := range docs {
			place++
			if !docs[i].matches(&query) {
				continue
			}
			docs[i].Seq = place
			r := docs[i].record()
			if err := yield(&r); err != nil {
				return err
			}
		}
		if len(docs) < scanBatch {
			return nil
		}
		last := docs[len(docs)-1]
		filter = append(bson.D{{Key: "seq", Value: int64(0)}}, seek("written", last.Written, last.ID, 1)...)
	}
}

// inWriting finds what has no place in the order in which the primary wrote it.
func inWriting(limit int) *options.FindOptionsBuilder {
	return options.Find().SetHint("seq").SetLimit(int64(limit)).SetSort(bson.D{{Key: "written", Value: 1}, {Key: "_id", Value: 1}})
}

// SegmentBefore returns the last segment that was sealed before the time given, without leaves.
func (a *Audit) SegmentBefore(ctx context.Context, at time.Time) (domain.AuditSegment, error) {
	d, err := a.segment(ctx,
		bson.D{{Key: "segment.auditcheckpoint.sealedat", Value: bson.D{{Key: "$gt", Value: int64(0)}, {Key: "$lt", Value: nanos(at)}}}},
		options.FindOne().SetSort(bson.D{{Key: "segment.auditcheckpoint.sealedat", Value: -1}, {Key: "_id", Value: -1}}).
			SetHint("sealed").SetProjection(withoutLeaves))
	return d.Segment.domain(), err
}

// CutSegments removes the oldest part of the log. What is to go is decided by one write that carries the outbox; the removal
// after it can be done again.
func (a *Audit) CutSegments(ctx context.Context, number int64, out domain.Outbox) error {
	d, err := a.segment(ctx, bson.D{{Key: "_id", Value: number}}, options.FindOne().SetProjection(withoutLeaves))
	if err != nil {
		return err
	}
	if d.Number == 0 {
		return fault.ErrNotFound
	}
	_, err = a.s.logs.update(ctx, auditHeadID, func(h *auditHead, o *domain.Outbox) error {
		h.Cut, *o = max(h.Cut, number), out
		return nil
	})
	if err != nil {
		return err
	}
	return a.cut(ctx, d)
}

func (a *Audit) cut(ctx context.Context, d segmentDocument) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	segment := d.Segment.domain()
	_, err := a.s.db.Collection(auditName).DeleteMany(ctx,
		bson.D{{Key: "seq", Value: bson.D{{Key: "$gte", Value: int64(1)}, {Key: "$lte", Value: segment.Last()}}}}, options.DeleteMany().SetHint("seq"))
	if err != nil {
		return failed("cutting the audit log", err)
	}
	if _, err = a.segments().UpdateOne(ctx, bson.D{{Key: "_id", Value: d.Number}}, bson.D{{Key: "$set", Value: bson.D{{Key: "segment.leaves", Value: nil}}}}); err != nil {
		return failed("cutting the audit log", err)
	}
	_, err = a.segments().DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: int64(0)}, {Key: "$lt", Value: d.Number}}}})
	return failed("cutting the audit log", err)
}

// matches is auditFilter for a record that was read already.
func (d *auditDocument) matches(q *domain.AuditQuery) bool {
	same := func(wanted, is string) bool { return wanted == "" || wanted == is }
	return same(q.UserID, d.UserID) && same(q.IPAddress, d.IPAddress) && same(q.RequestID, d.RequestID) &&
		(len(q.Actions) == 0 || slices.Contains(q.Actions, d.Action)) && (q.Success == nil || *q.Success == d.Success) &&
		!d.At.Before(q.From) && (q.Until.IsZero() || d.At.Before(q.Until))
}

package mongostore

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// Segments calls yield for each segment, starting with the one that contains seq, and reads one at a time.
func (a *Audit) Segments(ctx context.Context, seq int64, yield func(auditformat.Segment) error) error {
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

// inRange calls yield for each matching document with a sequence number from first to last, in the order of the
// numbers. The service never assigns a number twice; after tampering several documents may have the same one, and all
// of them are read.
func (a *Audit) inRange(ctx context.Context, first, last int64, also bson.D, yield func(*auditDocument) error) error {
	var read []string // IDs with the number first that were read already
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

// IndexMismatch returns the first record whose filter fields differ from its text.
func (a *Audit) IndexMismatch(ctx context.Context, first, last int64) (*auditformat.IndexMismatch, error) {
	var found *auditformat.IndexMismatch
	err := a.inRange(ctx, max(first, 1), last, nil, func(d *auditDocument) error {
		terms := auditformat.IndexTerms{
			Time: d.At, UserID: d.UserID, Action: d.Action, Success: d.Success, RequestID: d.RequestID, Target: d.Target,
		}
		if field := terms.Differs(d.Public); field != "" {
			found = &auditformat.IndexMismatch{Seq: d.Seq, ID: domain.LogID(d.ID), Field: field}
			return errStop
		}
		return nil
	})
	if errors.Is(err, errStop) {
		err = nil
	}
	return found, err
}

// errStop ends an iteration early.
var errStop = errors.New("iteration ended")

// Records calls yield for each matching record with a sequence number from first to last, in the order of the numbers.
// Unsealed records come under the numbers that they are going to have. The service assigns no number below 1; records
// stored there are read nevertheless, and if first is the lowest possible number, also records stored without one.
func (a *Audit) Records(ctx context.Context, first, last int64, query domain.AuditQuery,
	yield func(*auditformat.Record) error,
) error {
	next, filter := max(first, 1), auditFilter(query)
	read := func(d *auditDocument) error {
		r := d.record()
		next = max(next, d.Seq+1)
		return yield(&r)
	}
	if first == math.MinInt64 {
		if err := a.withoutSeq(ctx, filter, read); err != nil {
			return err
		}
	}
	if err := a.inRange(ctx, first, min(last, -1), filter, read); err != nil {
		return err
	}
	if err := a.inRange(ctx, next, last, filter, read); err != nil {
		return err
	}
	if next > last {
		return nil
	}
	sealed, err := a.LastSegment(ctx)
	if err != nil || last <= sealed.Last() {
		return err
	}
	seq := max(sealed.Last(), 0) // Last is -1 without segments
	return a.unsealed(ctx, seq, query, func(r *auditformat.Record) error {
		if r.Seq < first || r.Seq > last {
			return nil
		}
		return yield(r)
	})
}

// withoutSeq calls yield for documents whose sequence number is absent or not numeric, as if it were 0. The service
// writes none; no segment and no export would contain them, but List returns them. It reads a limited number of them:
// one is enough to report tampering.
func (a *Audit) withoutSeq(ctx context.Context, also bson.D, yield func(*auditDocument) error) error {
	anyPlace := bson.D{{Key: "seq", Value: bson.D{{Key: "$gte", Value: int64(math.MinInt64)}}}} // matches numbers only
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

// unsealed calls yield for the records that are in no segment, with the sequence numbers that they are going to have
// after the one given. Records that do not match the query are counted and not passed on.
func (a *Audit) unsealed(ctx context.Context, seq int64, query domain.AuditQuery,
	yield func(*auditformat.Record) error,
) error {
	filter := bson.D{{Key: "seq", Value: int64(0)}}
	for {
		docs, err := a.find(ctx, filter, inWriteOrder(scanBatch))
		if err != nil {
			return err
		}
		for i := range docs {
			seq++
			if !docs[i].matches(&query) {
				continue
			}
			docs[i].Seq = seq
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

// inWriteOrder sorts records without a sequence number in the order in which the primary wrote them.
func inWriteOrder(limit int) *options.FindOptionsBuilder {
	return options.Find().SetHint("seq").SetLimit(int64(limit)).SetSort(bson.D{
		{Key: "written", Value: 1},
		{Key: "_id", Value: 1},
	})
}

// SegmentBefore returns the last segment that was sealed before the time given and is not cut, without leaves.
func (a *Audit) SegmentBefore(ctx context.Context, at time.Time) (auditformat.Segment, error) {
	d, err := a.segment(ctx,
		bson.D{{Key: "segment.auditcheckpoint.sealedat", Value: bson.D{
			{Key: "$gt", Value: int64(0)},
			{Key: "$lt", Value: nanos(at)},
		}}},
		options.FindOne().SetSort(bson.D{{Key: "segment.auditcheckpoint.sealedat", Value: -1}, {Key: "_id", Value: -1}}).
			SetHint("sealed").SetProjection(withoutLeaves))
	if err != nil {
		return auditformat.Segment{}, err
	}
	head, err := a.s.logs.byID(ctx, auditHeadID)
	if err != nil || d.Number <= head.Cut {
		return auditformat.Segment{}, err
	}
	return d.Segment.domain(), nil
}

// matches is auditFilter for a record in memory.
func (d *auditDocument) matches(q *domain.AuditQuery) bool {
	same := func(wanted, is string) bool { return wanted == "" || wanted == is }
	return same(q.UserID, d.UserID) && same(q.IPAddress, d.IPAddress) && same(q.RequestID, d.RequestID) &&
		(len(q.Actions) == 0 || slices.Contains(q.Actions, d.Action)) && (q.Success == nil || *q.Success == d.Success) &&
		!d.At.Before(q.From) && (q.Until.IsZero() || d.At.Before(q.Until))
}

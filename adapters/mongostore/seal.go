package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// segmentDocument is a segment under its number, which no other sequencer can take a second time. It is written with the
// ids of its records; then the records get their places, which is the same however often it is done, and the ids go.
type segmentDocument struct {
	Number  int64          `bson:"_id"`
	Segment segmentRecord  `bson:"segment"`
	Last    int64          `bson:"last"` // the place of its last entry
	IDs     []domain.LogID `bson:"ids,omitempty"`
}

// auditHead is how far retention has cut the log.
type auditHead struct {
	Cut int64 `bson:"cut"`
}

func (a *Audit) segments() *mongo.Collection { return a.s.db.Collection(segmentsName) }

// numbered leaves the head out of a query for segments.
var numbered = bson.E{Key: "_id", Value: bson.D{{Key: "$gt", Value: int64(0)}}}

var withoutLeaves = bson.D{{Key: "segment.leaves", Value: 0}}

// last returns the newest segment, without leaves but with the ids of records whose places are not all written yet.
func (a *Audit) last(ctx context.Context) (segmentDocument, error) {
	return a.segment(ctx, bson.D{numbered}, options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}}).SetHint("_id_").SetProjection(withoutLeaves))
}

func (a *Audit) segment(ctx context.Context, filter bson.D, find *options.FindOneOptionsBuilder) (segmentDocument, error) {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	var d segmentDocument
	err := a.segments().FindOne(ctx, filter, find).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return segmentDocument{}, nil
	}
	return d, failed("reading segments", err)
}

// finishLast gives the records of the newest segment their places, where a crash or a race has left that undone.
func (a *Audit) finishLast(ctx context.Context) (segmentDocument, error) {
	d, err := a.last(ctx)
	if err != nil || len(d.IDs) == 0 {
		return d, err
	}
	return d, a.place(ctx, d)
}

func (a *Audit) place(ctx context.Context, d segmentDocument) error {
	models := make([]mongo.WriteModel, len(d.IDs))
	for i, id := range d.IDs {
		models[i] = mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: id}}).
			SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "seq", Value: d.Segment.Checkpoint.First + int64(i)}}}})
	}
	if _, err := a.s.db.Collection(auditName).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false)); err != nil {
		return failed("placing sealed records", err)
	}
	_, err := a.segments().UpdateOne(ctx, bson.D{{Key: "_id", Value: d.Number}}, bson.D{{Key: "$unset", Value: bson.D{{Key: "ids", Value: ""}}}})
	return failed("placing sealed records", err)
}

// Unsealed returns records that no segment holds yet, in the order in which the primary wrote them.
func (a *Audit) Unsealed(ctx context.Context, limit int) ([]domain.AuditRecord, error) {
	bounded, cancel := a.s.bound(ctx)
	defer cancel()
	if _, err := a.finishLast(bounded); err != nil {
		return nil, err
	}
	docs, err := a.find(ctx, bson.D{{Key: "seq", Value: int64(0)}}, inWriting(limit))
	if err != nil {
		return nil, err
	}
	records := make([]domain.AuditRecord, len(docs))
	for i := range docs {
		records[i] = docs[i].record()
	}
	return records, nil
}

// LastSegment returns the newest segment, without leaves.
func (a *Audit) LastSegment(ctx context.Context) (domain.AuditSegment, error) {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	d, err := a.finishLast(ctx)
	return d.Segment.domain(), err
}

// PutSegment stores the segment and gives its records their places. The number decides: of two sequencers one inserts it, and
// the next number can only follow once the records of this one have their places.
func (a *Audit) PutSegment(ctx context.Context, segment domain.AuditSegment, ids []domain.LogID) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	last, err := a.finishLast(ctx)
	if err != nil {
		return err
	}
	if last.Number+1 != segment.Number {
		return fault.ErrConflict
	}
	var sealed int64
	err = a.s.fresh(ctx, func() error { // or a new primary may not show yet what the last sequencer has placed
		sealed, err = a.s.db.Collection(auditName).CountDocuments(ctx, bson.D{
			{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, {Key: "seq", Value: bson.D{{Key: "$gt", Value: int64(0)}}},
		})
		return failed("sealing", err)
	})
	if err != nil {
		return err
	}
	if sealed > 0 {
		return fault.ErrConflict
	}
	d := segmentDocument{Number: segment.Number, Segment: newSegmentRecord(&segment), Last: segment.Last(), IDs: ids}
	if _, err := a.segments().InsertOne(ctx, d); err != nil {
		if isDuplicate(err) {
			return fault.ErrConflict
		}
		return failed("sealing", err)
	}
	return a.place(ctx, d)
}

type sealKeyDocument struct {
	Sealed []byte `bson:"sealed"`
}

// SealKey returns the sealed signing key, nil when there is none.
func (a *Audit) SealKey(ctx context.Context) ([]byte, error) {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	var d sealKeyDocument
	err := a.s.db.Collection(metaName).FindOne(ctx, bson.D{{Key: "_id", Value: sealKeyID}}).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return d.Sealed, failed("reading the seal's key", err)
}

// ReplaceSealKey puts the key in the place of was.
func (a *Audit) ReplaceSealKey(ctx context.Context, was, sealed []byte) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	result, err := a.s.db.Collection(metaName).UpdateOne(ctx, bson.D{{Key: "_id", Value: sealKeyID}, {Key: "sealed", Value: was}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "sealed", Value: sealed}}}})
	if err != nil {
		return failed("replacing the seal's key", err)
	}
	if result.MatchedCount == 0 {
		return fault.ErrConflict
	}
	return nil
}

// PutSealKey keeps the key, unless there is one.
func (a *Audit) PutSealKey(ctx context.Context, sealed []byte) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	_, err := a.s.db.Collection(metaName).InsertOne(ctx, bson.D{{Key: "_id", Value: sealKeyID}, {Key: "sealed", Value: sealed}})
	if isDuplicate(err) {
		return fault.ErrConflict
	}
	return failed("keeping the seal's key", err)
}

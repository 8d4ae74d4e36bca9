package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// segmentDocument is a segment with its number as the ID, so that two sequencers cannot use the same number. It is
// inserted with the IDs of its records. Then the records get their sequence numbers, which is idempotent, and the IDs
// are removed.
type segmentDocument struct {
	Number  int64          `bson:"_id"`
	Segment segmentRecord  `bson:"segment"`
	Last    int64          `bson:"last"` // the sequence number of its last record
	IDs     []domain.LogID `bson:"ids,omitempty"`
}

// auditHead holds the number of the segment up to which retention has cut the log.
type auditHead struct {
	Cut int64 `bson:"cut"`
}

func (a *Audit) segments() *mongo.Collection { return a.s.db.Collection(segmentsName) }

// numbered excludes the head from a query for segments.
var numbered = bson.E{Key: "_id", Value: bson.D{{Key: "$gt", Value: int64(0)}}}

var withoutLeaves = bson.D{{Key: "segment.leaves", Value: 0}}

func (a *Audit) segment(ctx context.Context, filter bson.D,
	find *options.FindOneOptionsBuilder,
) (segmentDocument, error) {
	var d segmentDocument
	_, err := a.s.readOne(ctx, a.segments(), filter, &d, find)
	return d, err
}

// finishLast returns the newest segment, without leaves. It writes the sequence numbers of its records if a crash or a
// race left them unwritten: the segment contains the IDs of its records then.
func (a *Audit) finishLast(ctx context.Context) (segmentDocument, error) {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	d, err := a.segment(ctx, bson.D{numbered},
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}}).SetHint("_id_").SetProjection(withoutLeaves))
	if err != nil || len(d.IDs) == 0 {
		return d, err
	}
	return d, a.writeSeqs(ctx, d)
}

func (a *Audit) writeSeqs(ctx context.Context, d segmentDocument) error {
	models := make([]mongo.WriteModel, len(d.IDs))
	for i, id := range d.IDs {
		models[i] = mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: id}}).
			SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "seq", Value: d.Segment.Checkpoint.First + int64(i)}}}})
	}
	if _, err := a.s.db.Collection(auditName).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false)); err != nil {
		return failed("numbering sealed records", err)
	}
	_, err := a.segments().UpdateOne(ctx, bson.D{{Key: "_id", Value: d.Number}},
		bson.D{{Key: "$unset", Value: bson.D{{Key: "ids", Value: ""}}}})
	return failed("numbering sealed records", err)
}

// Unsealed returns records that are in no segment, in the order in which the primary wrote them.
func (a *Audit) Unsealed(ctx context.Context, limit int) ([]auditformat.Record, error) {
	if _, err := a.finishLast(ctx); err != nil {
		return nil, err
	}
	docs, err := a.find(ctx, bson.D{{Key: "seq", Value: int64(0)}}, inWriteOrder(limit))
	if err != nil {
		return nil, err
	}
	records := make([]auditformat.Record, len(docs))
	for i := range docs {
		records[i] = docs[i].record()
	}
	return records, nil
}

// LastSegment returns the newest segment, without leaves.
func (a *Audit) LastSegment(ctx context.Context) (auditformat.Segment, error) {
	d, err := a.finishLast(ctx)
	return d.Segment.domain(), err
}

// PutSegment stores the segment and numbers its records. The segment number decides: of two concurrent sequencers only
// one inserts it, and the next segment can only follow after the records of this one are numbered.
func (a *Audit) PutSegment(ctx context.Context, segment auditformat.Segment, ids []domain.LogID) error {
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
	// Without a lease, a new primary may not return yet what the last sequencer wrote.
	err = a.s.withLease(ctx, func() error {
		sealed, err = a.s.db.Collection(auditName).CountDocuments(ctx, bson.D{
			{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}, {Key: "seq", Value: bson.D{{Key: "$gt", Value: int64(0)}}},
		})
		return failed("writing a segment", err)
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
		return failed("writing a segment", err)
	}
	return a.writeSeqs(ctx, d)
}

type sealKeyDocument struct {
	Sealed []byte `bson:"sealed"`
}

// SealKey returns the sealed signing key, or nil if there is none.
func (a *Audit) SealKey(ctx context.Context) ([]byte, error) {
	var d sealKeyDocument
	_, err := a.s.readOne(ctx, a.s.db.Collection(metaName), bson.D{{Key: "_id", Value: sealKeyID}}, &d)
	return d.Sealed, err
}

// ReplaceSealKey replaces the key if the stored one is was.
func (a *Audit) ReplaceSealKey(ctx context.Context, was, sealed []byte) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	result, err := a.s.db.Collection(metaName).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: sealKeyID}, {Key: "sealed", Value: was}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "sealed", Value: sealed}}}})
	if err != nil {
		return failed("replacing the signing key of the audit log", err)
	}
	if result.MatchedCount == 0 {
		return fault.ErrConflict
	}
	return nil
}

// PutSealKey stores the key unless one is stored.
func (a *Audit) PutSealKey(ctx context.Context, sealed []byte) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	_, err := a.s.db.Collection(metaName).InsertOne(ctx,
		bson.D{{Key: "_id", Value: sealKeyID}, {Key: "sealed", Value: sealed}})
	if isDuplicate(err) {
		return fault.ErrConflict
	}
	return failed("storing the signing key of the audit log", err)
}

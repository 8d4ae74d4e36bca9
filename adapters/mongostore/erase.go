package mongostore

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Erasure and retention change any number of entries. They work in batches: each call of the server has the timeout of
// a call, and the context of the caller limits the whole.

// eraseBatch is the number of entries of one write.
const eraseBatch = 1000

// CutSegments writes which segment the log begins after. This write carries the outbox.
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
	return err
}

// RemoveCut removes the entries and segments before the cut, the oldest first.
func (a *Audit) RemoveCut(ctx context.Context, progress ports.Progress) error {
	head, err := a.s.logs.byID(ctx, auditHeadID)
	if err != nil || head.Cut == 0 {
		return err
	}
	d, err := a.segment(ctx, bson.D{{Key: "_id", Value: head.Cut}}, options.FindOne().SetProjection(withoutLeaves))
	if err != nil || d.Number == 0 {
		return err
	}
	if err := a.removeRange(ctx, auditName, "seq", "seq", d.Last, progress); err != nil {
		return err
	}
	if err := a.removeLeaves(ctx, d.Number); err != nil {
		return err
	}
	return a.removeRange(ctx, segmentsName, "_id", "_id_", d.Number-1, nil)
}

// removeLeaves removes the leaves of the last removed segment.
func (a *Audit) removeLeaves(ctx context.Context, number int64) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	_, err := a.segments().UpdateOne(ctx,
		bson.D{{Key: "_id", Value: number}, {Key: "segment.leaves", Value: bson.D{{Key: "$ne", Value: nil}}}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "segment.leaves", Value: nil}}}})
	return failed("cutting the audit log", err)
}

// removeRange deletes the documents whose number in the field is from 1 to last, in batches. The index is on the field.
func (a *Audit) removeRange(ctx context.Context, name, field, index string, last int64,
	progress ports.Progress,
) error {
	var begin int64
	for {
		first, err := a.lowest(ctx, name, field, index, last)
		if err != nil || first == 0 {
			return err
		}
		if begin == 0 {
			begin = first
		}
		end := min(last, first+eraseBatch-1)
		if err := a.deleteRange(ctx, name, field, index, first, end); err != nil {
			return err
		}
		progress.Report(end-begin+1, last-begin+1)
	}
}

func numbersFrom(field string, first, last int64) bson.D {
	return bson.D{{Key: field, Value: bson.D{{Key: "$gte", Value: first}, {Key: "$lte", Value: last}}}}
}

// lowest returns the lowest number of the field from 1 to last, 0 if there is none.
func (a *Audit) lowest(ctx context.Context, name, field, index string, last int64) (int64, error) {
	var found bson.Raw
	exists, err := a.s.readOne(ctx, a.s.db.Collection(name), numbersFrom(field, 1, last), &found,
		options.FindOne().SetSort(bson.D{{Key: field, Value: 1}}).SetHint(index).
			SetProjection(bson.D{{Key: field, Value: 1}}))
	if err != nil || !exists {
		return 0, err
	}
	number, _ := found.Lookup(field).AsInt64OK()
	return number, nil
}

func (a *Audit) deleteRange(ctx context.Context, name, field, index string, first, last int64) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	_, err := a.s.db.Collection(name).DeleteMany(ctx, numbersFrom(field, first, last),
		options.DeleteMany().SetHint(index))
	return failed("cutting the audit log", err)
}

// erasure is one kind of erasure of a person from entries that an index finds.
type erasure struct {
	index  string   // and the field that it is on
	fields []string // to erase
}

var erasures = []erasure{
	{"user", []string{"ip", "agent", "actorsalt", "personal", "personalsalt"}},
	{"target", []string{"personal", "personalsalt"}},
}

// emptyFields are the values of erased fields.
var emptyFields = map[string]any{"ip": "", "agent": "", "actorsalt": nil, "personal": nil, "personalsalt": nil}

// filter matches the entries of the person that are not erased yet.
func (e erasure) filter(id domain.UserID) bson.D {
	var kept bson.A
	for _, field := range e.fields {
		kept = append(kept, bson.D{{Key: field, Value: bson.D{{Key: "$ne", Value: emptyFields[field]}}}})
	}
	return bson.D{{Key: e.index, Value: id}, {Key: "$or", Value: kept}}
}

// projection returns what keeps reads.
func (e erasure) projection() bson.D {
	fields := bson.D{{Key: "_id", Value: 1}}
	for _, field := range e.fields {
		fields = append(fields, bson.E{Key: field, Value: 1})
	}
	return fields
}

// keeps reports whether the entry is not erased yet.
func (e erasure) keeps(entry bson.Raw) bool {
	return slices.ContainsFunc(e.fields, func(field string) bool {
		value, err := entry.LookupErr(field)
		text, isText := value.StringValueOK()
		return err == nil && value.Type != bson.TypeNull && (!isText || text != "")
	})
}

func (e erasure) update() bson.D {
	var set bson.D
	for _, field := range e.fields {
		set = append(set, bson.E{Key: field, Value: emptyFields[field]})
	}
	return bson.D{{Key: "$set", Value: set}}
}

// ErasePerson erases the user's personal data in the audit log, except for what is sealed.
func (a *Audit) ErasePerson(ctx context.Context, id domain.UserID, progress ports.Progress) error {
	var done, total int64
	for _, e := range erasures {
		total += a.countErasure(ctx, e, id)
	}
	for _, e := range erasures {
		err := a.erase(ctx, e, id, func(n int64) {
			done += n
			total = max(total, done) // the total is 0 if the count failed, and entries may be written meanwhile
			progress.Report(done, total)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// countErasure returns the number of entries to erase, 0 if it is unknown.
func (a *Audit) countErasure(ctx context.Context, e erasure, id domain.UserID) int64 {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	n, err := a.s.db.Collection(auditName).CountDocuments(ctx, e.filter(id), options.Count().SetHint(e.index))
	if err != nil {
		return 0
	}
	return n
}

// erase reads all entries of the person with one cursor, since erased entries stay in the index, and writes in batches.
// Which of them are not erased yet is decided here and not by a filter, so that each request to the server reads one
// batch, also where nothing is left to erase.
func (a *Audit) erase(ctx context.Context, e erasure, id domain.UserID, done func(n int64)) error {
	const doing = "erasing a person from the audit log"
	call, cancel := a.s.bound(ctx)
	defer cancel()
	cursor, err := a.s.db.Collection(auditName).Find(call, bson.D{{Key: e.index, Value: id}},
		options.Find().SetHint(e.index).SetProjection(e.projection()).SetBatchSize(eraseBatch))
	if err != nil {
		return failed(doing, err)
	}
	defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }()
	ids := make([]string, 0, eraseBatch)
	for more := true; more; {
		if more, err = a.next(ctx, cursor); err != nil {
			return failed(doing, err)
		}
		if more && e.keeps(cursor.Current) {
			id, _ := cursor.Current.Lookup("_id").StringValueOK()
			ids = append(ids, id)
		}
		if len(ids) == eraseBatch || !more && len(ids) > 0 {
			if err := a.eraseIDs(ctx, ids, e.update()); err != nil {
				return failed(doing, err)
			}
			done(int64(len(ids)))
			ids = ids[:0]
		}
	}
	return nil
}

// next advances the cursor. A request to the server has the timeout of a call.
func (a *Audit) next(ctx context.Context, cursor *mongo.Cursor) (bool, error) {
	if cursor.RemainingBatchLength() == 0 {
		call, cancel := a.s.bound(ctx)
		defer cancel()
		ctx = call
	}
	return cursor.Next(ctx), cursor.Err()
}

func (a *Audit) eraseIDs(ctx context.Context, ids []string, update bson.D) error {
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	_, err := a.s.db.Collection(auditName).UpdateMany(ctx,
		bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, update)
	return err
}

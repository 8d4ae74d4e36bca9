package mongostore

import (
	"context"
	"io"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Audit implements the ports of the audit log.
type Audit struct{ s *Store }

// Audit returns the audit log.
func (s *Store) Audit() *Audit { return &Audit{s} }

// auditDocument is an audit record with the fields that queries filter by. Public is written once and never changed.
type auditDocument struct {
	ID string `bson:"_id"`
	// Written is empty in the insert: the server replaces it with its own timestamp, which increases with each write of
	// a primary.
	Written bson.Timestamp `bson:"written"`
	// Seq is the sequence number in the sealed log, 0 before the record is sealed.
	Seq       int64         `bson:"seq"`
	At        time.Time     `bson:"at"`
	UserID    string        `bson:"user"`
	Action    domain.Action `bson:"action"`
	Success   bool          `bson:"success"`
	RequestID string        `bson:"request"`
	Target    string        `bson:"target"`

	Public       []byte `bson:"public"`
	IPAddress    string `bson:"ip"`
	UserAgent    string `bson:"agent"`
	ActorSalt    []byte `bson:"actorsalt"`
	Personal     []byte `bson:"personal"`
	PersonalSalt []byte `bson:"personalsalt"`
	Mark         []byte `bson:"mark,omitempty"`
}

func (s *Store) auditDocument(e domain.AuditEntry) (auditDocument, error) {
	salts := make([]byte, 2*auditformat.SaltLength)
	if _, err := io.ReadFull(s.entropy, salts); err != nil {
		return auditDocument{}, failed("encoding an audit entry", err)
	}
	r, err := auditformat.NewRecord(e, salts[:auditformat.SaltLength], salts[auditformat.SaltLength:])
	if err != nil {
		return auditDocument{}, err
	}
	if s.marker != nil {
		r.Mark = s.marker.Mark(r.Public)
	}
	return newAuditDocument(&e, &r), nil
}

func newAuditDocument(e *domain.AuditEntry, r *auditformat.Record) auditDocument {
	return auditDocument{
		ID: string(e.ID), Seq: r.Seq, At: e.Time, UserID: e.UserID, Action: e.Action, Success: e.Success,
		RequestID: e.RequestID, Target: e.Target, Public: r.Public, IPAddress: r.IPAddress, UserAgent: r.UserAgent,
		ActorSalt: r.ActorSalt, Personal: r.Personal, PersonalSalt: r.PersonalSalt, Mark: r.Mark,
	}
}

func (d *auditDocument) record() auditformat.Record {
	return auditformat.Record{
		Seq: d.Seq, ID: domain.LogID(d.ID), Public: d.Public, IPAddress: d.IPAddress, UserAgent: d.UserAgent,
		ActorSalt: d.ActorSalt, Personal: d.Personal, PersonalSalt: d.PersonalSalt, Mark: d.Mark,
	}
}

// MarkEntries sets the marker that marks every entry written from then on. It must be called before the first write.
func (s *Store) MarkEntries(marker ports.AuditMarker) { s.marker = marker }

// Append writes entries that belong to no change.
func (a *Audit) Append(ctx context.Context, entries ...domain.AuditEntry) error {
	docs := make([]any, len(entries))
	for i, e := range entries {
		doc, err := a.s.auditDocument(e)
		if err != nil {
			return err
		}
		docs[i] = doc
	}
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	return insertOnce(ctx, a.s.db.Collection(auditName), docs)
}

func auditFilter(q domain.AuditQuery) bson.D {
	var filter, span bson.D
	add := func(filtered bool, field string, value any) {
		if filtered {
			filter = append(filter, bson.E{Key: field, Value: value})
		}
	}
	if !q.From.IsZero() {
		span = append(span, bson.E{Key: "$gte", Value: nanos(q.From)})
	}
	if !q.Until.IsZero() {
		span = append(span, bson.E{Key: "$lt", Value: nanos(q.Until)})
	}
	add(q.UserID != "", "user", q.UserID)
	if len(q.Actions) == 1 {
		add(true, "action", q.Actions[0])
	} else {
		add(len(q.Actions) > 1, "action", bson.D{{Key: "$in", Value: q.Actions}})
	}
	add(span != nil, "at", span)
	add(q.IPAddress != "", "ip", q.IPAddress)
	add(q.Success != nil, "success", q.Success)
	add(q.RequestID != "", "request", q.RequestID)
	return filter
}

const auditOrder = domain.SortLogs

// List returns one page, newest first.
func (a *Audit) List(ctx context.Context, query domain.AuditQuery) (domain.AuditPage, error) {
	if query.Page.Limit <= 0 {
		query.Page.Limit = domain.DefaultPageLimit
	}
	filter := auditFilter(query)
	full := filter
	if c := query.Page.After; c != nil {
		at, err := strconv.ParseInt(c.Key, 10, 64)
		if err != nil || c.Sort != auditOrder || !isID(c.ID) {
			return domain.AuditPage{}, fault.ErrInvalid.About("cursor", "is not a cursor of this list")
		}
		full = bson.D{{Key: "$and", Value: bson.A{append(bson.D{}, filter...), seek("at", at, c.ID, -1)}}}
	}
	if len(full) == 0 {
		full = bson.D{}
	}
	find := options.Find().SetSort(bson.D{{Key: "at", Value: -1}, {Key: "_id", Value: -1}}).
		SetLimit(int64(query.Page.Limit) + 1).SetSkip(int64(query.Page.Offset()))
	if len(filter) == 0 {
		find.SetHint("at")
	}
	docs, err := a.find(ctx, full, find)
	if err != nil {
		return domain.AuditPage{}, err
	}
	var page domain.AuditPage
	if len(docs) > query.Page.Limit {
		docs = docs[:query.Page.Limit]
		last := docs[len(docs)-1]
		page.Next = &domain.Cursor{Sort: auditOrder, Key: strconv.FormatInt(nanos(last.At), 10), ID: last.ID}
	}
	for i := range docs {
		r := docs[i].record()
		entry, err := r.Entry()
		if err != nil {
			return domain.AuditPage{}, err
		}
		page.Entries = append(page.Entries, entry)
	}
	page.Total, page.TotalEstimated, err = a.total(ctx, filter)
	return page, err
}

func (a *Audit) total(ctx context.Context, filter bson.D) (n int64, estimated bool, err error) {
	if len(filter) > 0 {
		return a.s.total(ctx, a.s.db.Collection(auditName), filter)
	}
	ctx, cancel := a.s.bound(ctx)
	defer cancel()
	return a.s.size(ctx, a.s.db.Collection(auditName), "at", "at")
}

func (a *Audit) find(ctx context.Context, filter bson.D, find *options.FindOptionsBuilder) ([]auditDocument, error) {
	var docs []auditDocument
	return docs, a.s.readAll(ctx, a.s.db.Collection(auditName), filter, find, &docs)
}

// scanBatch is the number of documents in one query of a scan. Each batch is a separate query that continues after the
// last one, so a slow reader of an export holds no cursor open on the server.
const scanBatch = 500

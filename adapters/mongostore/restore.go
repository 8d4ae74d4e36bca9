package mongostore

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// Restore inserts entities unchanged and skips those whose ID exists already.
func (s *Store) Restore(ctx context.Context, kind domain.ArchiveKind, entities []domain.Archived) error {
	if kind == domain.ArchiveUsers {
		return s.restoreUsers(ctx, entities)
	}
	var sealed int64
	if kind == domain.ArchiveRecords {
		last, err := s.Audit().LastSegment(ctx)
		if err != nil {
			return err
		}
		sealed = last.Last()
	}
	docs := make([]any, len(entities))
	for i, a := range entities {
		var err error
		if docs[i], err = restored(a, sealed, s.now()); err != nil {
			return err
		}
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	return insertOnce(ctx, s.db.Collection(archiveNames[kind]), docs)
}

// restoredTogether is the number of users of one write, which has the timeout of a call.
const restoredTogether = 100

func (s *Store) restoreUsers(ctx context.Context, entities []domain.Archived) error {
	for batch := range slices.Chunk(entities, restoredTogether) {
		users := make([]domain.User, len(batch))
		for i, a := range batch {
			var ok bool
			if users[i], ok = a.Value.(domain.User); !ok {
				return errKind
			}
		}
		if err := s.restoreBatch(ctx, users); err != nil {
			return err
		}
	}
	return nil
}

// restoreBatch inserts users in one write. Those that it refuses as duplicates are inserted again one by one, which
// tells users that exist already from users whose name is taken.
func (s *Store) restoreBatch(ctx context.Context, users []domain.User) error {
	docs := make([]any, len(users))
	for i := range users {
		var err error
		if docs[i], err = s.restoredUser(&users[i]); err != nil {
			return err
		}
	}
	bounded, cancel := s.bound(ctx)
	defer cancel()
	_, err := s.users.coll.InsertMany(bounded, docs, options.InsertMany().SetOrdered(false))
	if !onlyDuplicates(err) {
		return failed("writing "+usersName, err)
	}
	refused, _ := errors.AsType[mongo.BulkWriteException](err)
	for _, e := range refused.WriteErrors {
		if err := s.restoreUser(ctx, users[e.Index]); err != nil {
			return err
		}
	}
	return nil
}

// restored returns the document of an entity.
func restored(a domain.Archived, sealed int64, now time.Time) (any, error) {
	switch v := a.Value.(type) {
	case domain.Attempts:
		x := accountAttempts{v, v.KeepUntil(now)}
		raw, err := attemptsForm.encode(&x)
		return bson.D{
			{Key: "_id", Value: a.Key},
			{Key: "v", Value: int64(1)},
			{Key: "doc", Value: raw},
			{Key: "ttl", Value: sweepAt(x.KeptUntil)},
		}, err
	case domain.Message:
		return newMessage(v), nil
	case domain.StoredRate:
		return newRate(a.Key, v), nil
	case domain.StoredSingleUse:
		return onceDocument{Key: a.Key, Value: orEmpty(v.Value), Expires: v.ExpiresAt, TTL: sweepAt(v.ExpiresAt)}, nil
	case domain.IdempotencyRecord:
		return append(bson.D{{Key: "_id", Value: a.Key}}, idempotencyFields(v)...), nil
	case auditformat.Segment:
		return segmentDocument{Number: v.Number, Segment: newSegmentRecord(&v), Last: v.Last()}, nil
	case auditformat.Record:
		return restoredRecord(v, sealed)
	}
	return nil, errKind
}

func restoredRecord(r auditformat.Record, sealed int64) (auditDocument, error) {
	e, err := r.Entry()
	if err != nil {
		return auditDocument{}, err
	}
	doc := newAuditDocument(&e, &r)
	if r.Seq > sealed {
		doc.Seq = 0 // it gets its number when it is sealed
	}
	if r.ID != "" {
		doc.ID = string(r.ID)
	}
	return doc, nil
}

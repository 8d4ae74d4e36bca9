package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// Messages implements ports.MessageQueue.
type Messages struct{ s *Store }

// Messages returns the queue of messages.
func (s *Store) Messages() *Messages { return &Messages{s} }

// messageDocument is a queued message. Due is when a worker may claim it next; a claim moves it.
type messageDocument struct {
	ID  string          `bson:"_id"`
	Doc records.Message `bson:"doc"`
	Due time.Time       `bson:"due"`
	TTL any             `bson:"ttl"`
}

func newMessage(m domain.Message) messageDocument {
	return messageDocument{ID: string(m.ID), Doc: records.NewMessage(&m), Due: m.NextTry, TTL: sweepAt(m.ExpiresAt)}
}

// ClaimMessages returns messages that are due and not expired, each claimed by one conditional write.
func (ms *Messages) ClaimMessages(ctx context.Context, now, leaseUntil time.Time, limit int) ([]domain.Message, error) {
	ctx, cancel := ms.s.bound(ctx)
	defer cancel()
	filter := bson.D{
		{Key: "due", Value: bson.D{{Key: "$lte", Value: nanos(now)}}},
		{Key: "$or", Value: bson.A{
			bson.D{{Key: "doc.expiresat", Value: int64(0)}},
			bson.D{{Key: "doc.expiresat", Value: bson.D{{Key: "$gt", Value: nanos(now)}}}},
		}},
	}
	var claimed []domain.Message
	for len(claimed) < limit {
		var m messageDocument
		err := ms.s.db.Collection(messagesName).FindOneAndUpdate(ctx, filter,
			bson.D{{Key: "$set", Value: bson.D{{Key: "due", Value: nanos(leaseUntil)}}}},
			options.FindOneAndUpdate().SetSort(bson.D{{Key: "due", Value: 1}})).Decode(&m) // the order selects the index
		if errors.Is(err, mongo.ErrNoDocuments) {
			break
		}
		if err != nil {
			return nil, failed("claiming messages", err) // messages claimed so far become due again at leaseUntil
		}
		claimed = append(claimed, m.Doc.Domain())
	}
	return claimed, nil
}

// DoneMessage deletes the message.
func (ms *Messages) DoneMessage(ctx context.Context, id domain.MessageID) error {
	ctx, cancel := ms.s.bound(ctx)
	defer cancel()
	_, err := ms.s.db.Collection(messagesName).DeleteOne(ctx, bson.D{{Key: "_id", Value: id}})
	return failed("deleting a message", err)
}

// RetryMessage counts an attempt and postpones the message until at. A deleted message stays deleted.
func (ms *Messages) RetryMessage(ctx context.Context, id domain.MessageID, at time.Time, reason string) error {
	ctx, cancel := ms.s.bound(ctx)
	defer cancel()
	_, err := ms.s.db.Collection(messagesName).UpdateOne(ctx, bson.D{{Key: "_id", Value: id}}, bson.D{
		{Key: "$set", Value: bson.D{
			{Key: "due", Value: nanos(at)},
			{Key: "doc.nexttry", Value: nanos(at)},
			{Key: "doc.lasterror", Value: reason},
		}},
		{Key: "$inc", Value: bson.D{{Key: "doc.attempts", Value: 1}}},
	})
	return failed("postponing a message", err)
}

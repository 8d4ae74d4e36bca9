package mongostore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

var errKind = errors.New("mongostore: unknown kind of archive")

// countFor is the timeout of a full count, which is longer than the timeout of a request.
const countFor = 10 * time.Minute

// archiveNames maps each kind to its collection.
var archiveNames = map[domain.ArchiveKind]string{
	domain.ArchiveUsers: usersName, domain.ArchiveSessions: sessionsName, domain.ArchiveKeys: keysName,
	domain.ArchiveTokens:   tokensName,
	domain.ArchiveAttempts: attemptsName, domain.ArchiveMessages: messagesName,
	domain.ArchiveRates: ratesName, domain.ArchiveOnce: onceName, domain.ArchiveAnswers: idempotencyName,
	domain.ArchiveSegments: segmentsName, domain.ArchiveRecords: auditName,
}

// positionKey returns the archive key of a sequence number: zero-padded digits, so that text sorts as numbers do.
func positionKey(position int64) string { return fmt.Sprintf("%020d", position) }

// positionOf returns the sequence number of an archive key, 0 for none.
func positionOf(key string) (int64, error) {
	position, err := strconv.ParseInt("0"+key, 10, 64)
	if err != nil {
		return 0, errKind
	}
	return position, nil
}

// ArchivePage returns entities of the kind, in the order of their keys.
func (s *Store) ArchivePage(ctx context.Context, kind domain.ArchiveKind, after string, limit int) ([]domain.Archived,
	error,
) {
	switch kind {
	case domain.ArchiveUsers:
		return archiveTable(ctx, s.users, after, limit, func(u domain.User) any { return u })
	case domain.ArchiveSessions:
		return archiveTable(ctx, s.sessions, after, limit, func(x domain.Session) any { return x })
	case domain.ArchiveKeys:
		return archiveTable(ctx, s.keys, after, limit, func(k domain.APIKey) any { return k })
	case domain.ArchiveTokens:
		return archiveTable(ctx, s.tokens, after, limit, func(t domain.ThirdPartyToken) any { return t })
	case domain.ArchiveAttempts:
		return archiveTable(ctx, s.attempts, after, limit, func(a accountAttempts) any { return a.Attempts })
	case domain.ArchiveMessages:
		return archiveDocuments(ctx, s, messagesName, after, limit,
			func(d messageDocument) (string, any) { return d.ID, d.Doc.Domain() })
	case domain.ArchiveRates:
		return archiveDocuments(ctx, s, ratesName, after, limit, func(d rateDocument) (string, any) {
			return d.Key, domain.StoredRate{Window: d.window(), Until: d.TTL.Time().UTC()}
		})
	case domain.ArchiveOnce:
		return archiveDocuments(ctx, s, onceName, after, limit, func(d onceDocument) (string, any) {
			return d.Key, domain.StoredSingleUse{Value: orEmpty(d.Value), ExpiresAt: d.Expires}
		})
	case domain.ArchiveAnswers:
		return archiveDocuments(ctx, s, idempotencyName, after, limit,
			func(d idempotencyDocument) (string, any) { return d.Doc.Key, d.Doc.Domain() })
	case domain.ArchiveSegments:
		return s.archiveSegments(ctx, after, limit)
	case domain.ArchiveRecords:
		return s.archiveRecords(ctx, after, limit)
	}
	return nil, errKind
}

// afterID matches documents whose ID is greater than after.
func afterID(after any) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: after}}}}
}

func pageOf(limit int) *options.FindOptionsBuilder {
	return options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetHint("_id_").SetLimit(int64(limit))
}

func archiveTable[T any](ctx context.Context, t *table[T], after string, limit int,
	value func(T) any,
) ([]domain.Archived, error) {
	records, err := t.records(ctx, afterID(after), pageOf(limit))
	if err != nil {
		return nil, err
	}
	page := make([]domain.Archived, len(records))
	for i, r := range records {
		entity, err := t.entity(r)
		if err != nil {
			return nil, err
		}
		page[i] = domain.Archived{Key: r.ID, Value: value(entity)}
	}
	return page, nil
}

func archiveDocuments[T any](ctx context.Context, s *Store, name string, after any, limit int,
	value func(T) (string, any),
) ([]domain.Archived, error) {
	var docs []T
	if err := s.readAll(ctx, s.db.Collection(name), afterID(after), pageOf(limit), &docs); err != nil {
		return nil, err
	}
	page := make([]domain.Archived, len(docs))
	for i, d := range docs {
		page[i].Key, page[i].Value = value(d)
	}
	return page, nil
}

func (s *Store) archiveSegments(ctx context.Context, after string, limit int) ([]domain.Archived, error) {
	position, err := positionOf(after)
	if err != nil {
		return nil, err
	}
	return archiveDocuments(ctx, s, segmentsName, position, limit,
		func(d segmentDocument) (string, any) { return positionKey(d.Number), d.Segment.domain() })
}

// archiveRecords returns sealed records by their sequence numbers, and then unsealed records under the numbers that
// they are going to have.
func (s *Store) archiveRecords(ctx context.Context, after string, limit int) ([]domain.Archived, error) {
	position, err := positionOf(after)
	if err != nil {
		return nil, err
	}
	last, err := s.Audit().LastSegment(ctx)
	if err != nil {
		return nil, err
	}
	sealed := max(0, last.Last())
	var docs []auditDocument
	if position < sealed {
		err = s.readAll(ctx, s.db.Collection(auditName), bson.D{{Key: "seq", Value: bson.D{{Key: "$gt", Value: position}}}},
			options.Find().SetSort(bson.D{{Key: "seq", Value: 1}}).SetHint("seq").SetLimit(int64(limit)), &docs)
	}
	if err == nil && len(docs) == 0 {
		skipped := max(0, position-sealed)
		err = s.readAll(ctx, s.db.Collection(auditName), bson.D{{Key: "seq", Value: int64(0)}},
			inWriteOrder(limit).SetSkip(skipped), &docs)
		for i := range docs {
			docs[i].Seq = sealed + skipped + int64(i) + 1
		}
	}
	page := make([]domain.Archived, len(docs))
	for i := range docs {
		page[i] = domain.Archived{Key: positionKey(docs[i].Seq), Value: docs[i].record()}
	}
	return page, err
}

// ArchiveCount returns the number of entities of the kind.
func (s *Store) ArchiveCount(ctx context.Context, kind domain.ArchiveKind) (int64, error) {
	name, filter := archiveFilter(kind)
	if name == "" {
		return 0, errKind
	}
	ctx, cancel := context.WithTimeout(ctx, countFor)
	defer cancel()
	n, err := s.db.Collection(name).CountDocuments(ctx, filter, options.Count().SetHint("_id_"))
	if err != nil || kind != domain.ArchiveUsers {
		return n, failed("counting "+name, err)
	}
	gone, err := s.db.Collection(name).CountDocuments(ctx, bson.D{{Key: "gone", Value: true}},
		options.Count().SetHint("gone"))
	return n - gone, failed("counting "+name, err)
}

// ArchiveResume returns the key that is followed by back keys.
func (s *Store) ArchiveResume(ctx context.Context, kind domain.ArchiveKind, back int) (string, error) {
	if kind == domain.ArchiveRecords {
		n, err := s.highestSeq(ctx)
		if err != nil || n <= int64(back) {
			return "", err
		}
		return positionKey(n - int64(back)), nil
	}
	name, filter := archiveFilter(kind)
	var found struct {
		ID any `bson:"_id"`
	}
	_, err := s.readOne(ctx, s.db.Collection(name), filter, &found,
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}}).SetHint("_id_").
			SetSkip(int64(back)).SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if number, ok := found.ID.(int64); ok {
		return positionKey(number), err
	}
	text, _ := found.ID.(string)
	return text, err
}

// archiveFilter returns the collection of the kind and the filter of its archived documents.
func archiveFilter(kind domain.ArchiveKind) (name string, filter bson.D) {
	if kind == domain.ArchiveSegments {
		return segmentsName, bson.D{numbered}
	}
	return archiveNames[kind], afterID("")
}

// highestSeq returns the sequence number of the last stored record, sealed or not. Segments may be stored before
// their records.
func (s *Store) highestSeq(ctx context.Context) (int64, error) {
	var last auditDocument
	_, err := s.readOne(ctx, s.db.Collection(auditName),
		bson.D{{Key: "seq", Value: bson.D{{Key: "$gt", Value: int64(0)}}}}, &last,
		options.FindOne().SetSort(bson.D{{Key: "seq", Value: -1}}).SetHint("seq"))
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, countFor)
	defer cancel()
	n, err := s.db.Collection(auditName).CountDocuments(ctx, bson.D{{Key: "seq", Value: int64(0)}},
		options.Count().SetHint("seq"))
	return last.Seq + n, failed("counting audit entries", err)
}

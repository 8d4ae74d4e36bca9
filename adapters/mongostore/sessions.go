package mongostore

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Sessions implements ports.SessionStore.
type Sessions struct {
	collection[domain.SessionID, domain.Session]
}

// Sessions returns the store of sessions.
func (s *Store) Sessions() *Sessions {
	return &Sessions{collection[domain.SessionID, domain.Session]{
		s, s.sessions,
		func(x *domain.Session) *domain.SessionID { return &x.ID },
	}}
}

// sessionFields returns the time of the last check with the provider, -1 for sessions without a grant.
func sessionFields(x *domain.Session) bson.D {
	granted := int64(-1)
	if len(x.Provider.Grant) > 0 {
		granted = nanos(x.Provider.CheckedAt)
	}
	return bson.D{{Key: "granted", Value: granted}}
}

func (s *Store) overlaySession(x *domain.Session, id string, active int64) {
	if at := fromNanos(s.touched.Latest(id, active)); at.After(x.LastActivity) {
		x.LastActivity = at
	}
}

// Create stores a new session.
func (ss *Sessions) Create(ctx context.Context, session domain.Session) error {
	return ss.collection.Create(ctx, session, domain.Outbox{})
}

// Begin stores a new session and then changes its user: a session is not live until its user lists it.
func (ss *Sessions) Begin(ctx context.Context, session domain.Session, change ports.Change[domain.User]) (domain.User,
	error,
) {
	if err := ss.Create(ctx, session); err != nil {
		return domain.User{}, err
	}
	return ss.s.Users().Update(ctx, session.UserID, change)
}

var newestFirst = bson.D{{Key: "doc.createdat", Value: -1}, {Key: "_id", Value: -1}}

// ListByUser returns the user's sessions, newest first.
func (ss *Sessions) ListByUser(ctx context.Context, id domain.UserID) ([]domain.Session, error) {
	return ss.s.sessions.list(ctx, bson.D{{Key: "doc.userid", Value: id}},
		options.Find().SetSort(newestFirst).SetHint("user"))
}

// ListByProvider returns the sessions that belong to a provider's session, or all sessions of a subject.
func (ss *Sessions) ListByProvider(ctx context.Context, directory domain.DirectoryID, subject domain.Subject,
	session string,
) ([]domain.Session, error) {
	if directory == "" {
		return nil, nil
	}
	filter := bson.D{{Key: "doc.provider.directory", Value: directory}}
	if session != "" {
		filter = append(filter, bson.E{Key: "doc.provider.id", Value: session})
	}
	if session == "" || subject != "" { // a logout request may contain only the session
		filter = append(filter, bson.E{Key: "doc.provider.subject", Value: subject})
	}
	hint := "provider_subject"
	if session != "" {
		hint = "provider_session"
	}
	return ss.s.sessions.list(ctx, filter, options.Find().SetHint(hint))
}

// ListProviderGrants returns sessions whose provider is due for a check, the longest unchecked first.
func (ss *Sessions) ListProviderGrants(ctx context.Context, checkedBefore time.Time, limit int) ([]domain.Session,
	error,
) {
	return ss.s.sessions.list(ctx,
		bson.D{{Key: "granted", Value: bson.D{{Key: "$gte", Value: int64(0)}, {Key: "$lt", Value: nanos(checkedBefore)}}}},
		options.Find().SetSort(bson.D{{Key: "granted", Value: 1}}).SetLimit(int64(limit)).SetHint("granted"))
}

// sweepCursor is the position of the search for unlisted sessions: each sweep continues there, so that a single sweep
// never reads all sessions.
type sweepCursor struct {
	mu    sync.Mutex
	after int64
	id    string
}

// sweepWidth is the number of sessions that a sweep reads for each one that it may remove.
const sweepWidth = 10

// Sweep removes sessions that have ended.
func (ss *Sessions) Sweep(ctx context.Context, now, madeBefore time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil
	}
	ctx, cancel := ss.s.bound(ctx)
	defer cancel()
	expired,
		err := ss.s.sessions.list(ctx, bson.D{{Key: "doc.expiresat", Value: bson.D{{Key: "$lte", Value: nanos(now)}}}},
		options.Find().SetSort(bson.D{{Key: "doc.expiresat", Value: 1}}).SetLimit(int64(limit)).SetHint("expires"))
	if err != nil {
		return 0, err
	}
	ids := bson.A{}
	for _, session := range expired {
		ids = append(ids, session.ID)
	}
	if len(ids) < limit {
		unlisted, err := ss.unlisted(ctx, madeBefore, limit-len(ids))
		if err != nil {
			return 0, err
		}
		ids = append(ids, unlisted...)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	// A session that is both expired and unlisted may be in ids twice; it is deleted and counted a single time.
	result, err := ss.s.db.Collection(sessionsName).DeleteMany(ctx,
		bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return 0, failed("sweeping sessions", err)
	}
	for _, id := range ids {
		if id, ok := id.(domain.SessionID); ok {
			ss.s.documents.Remove(ss.s.sessions.key(string(id)))
		}
	}
	return int(result.DeletedCount), nil
}

// unlisted reads some of the sessions created before the time given and returns those that their users do not list. A
// session that is not listed by then never will be.
func (ss *Sessions) unlisted(ctx context.Context, madeBefore time.Time, limit int) (bson.A, error) {
	c := &ss.s.sweeps
	c.mu.Lock()
	defer c.mu.Unlock()
	filter := bson.D{{Key: "doc.createdat", Value: bson.D{{Key: "$lt", Value: nanos(madeBefore)}}}}
	if c.id != "" {
		filter = bson.D{{Key: "$and", Value: bson.A{filter, seek("doc.createdat", c.after, c.id, 1)}}}
	}
	width := limit * sweepWidth
	sessions, err := ss.s.sessions.list(ctx, filter, options.Find().SetHint("created").SetLimit(int64(width)).
		SetSort(bson.D{{Key: "doc.createdat", Value: 1}, {Key: "_id", Value: 1}}))
	if err != nil {
		return nil, err
	}
	live, err := ss.listedBy(ctx, sessions)
	if err != nil {
		return nil, err
	}
	var ids bson.A
	for _, session := range sessions {
		c.after, c.id = nanos(session.CreatedAt), string(session.ID)
		if live[session.ID] {
			continue
		}
		if ids = append(ids, session.ID); len(ids) == limit {
			return ids, nil
		}
	}
	if len(sessions) < width {
		c.after, c.id = 0, "" // the end: the next sweep starts over
	}
	return ids, nil
}

func (ss *Sessions) listedBy(ctx context.Context, sessions []domain.Session) (map[domain.SessionID]bool, error) {
	owners := bson.A{}
	for i := range sessions {
		owners = append(owners, sessions[i].UserID)
	}
	var users []struct {
		Doc struct {
			Sessions []records.SessionRef `bson:"sessions"`
		} `bson:"doc"`
	}
	err := ss.s.readAll(ctx, ss.s.users.coll, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: owners}}}},
		options.Find().SetProjection(bson.D{{Key: "doc.sessions", Value: 1}}), &users)
	if err != nil {
		return nil, err
	}
	live := map[domain.SessionID]bool{}
	for _, u := range users {
		for _, ref := range u.Doc.Sessions {
			live[ref.ID] = true
		}
	}
	return live, nil
}

package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

// loginResult is the result of one round trip: the head of the catalog, and the users that have the name with their
// listed sessions.
type loginResult struct {
	Number   int64    `bson:"n"`
	Attempts []record `bson:"attempts"` // on the name, for an unknown one
	Users    []struct {
		User     record   `bson:",inline"`
		Sessions []record `bson:"sessions"`
		Attempts []record `bson:"attempts"`
	} `bson:"users"`
}

// LookupLogin returns the user whose username or e-mail key is key, with the user's sessions and the catalog's version.
// The query starts at the head of the catalog, which always exists, so that an unknown name costs the same single round
// trip. It also caches the attempts on the user or the name: otherwise the reservation of an attempt would read those
// of a name that was not tried recently, and not those of a user who signs in often.
func (v *View) LookupLogin(ctx context.Context, key string) (domain.LoginSnapshot, error) {
	ctx, cancel := v.s.bound(ctx)
	defer cancel()
	found, err := aggregate[loginResult](ctx, v.s, v.s.db.Collection(catalogName), loginPipeline(key))
	if err != nil {
		return domain.LoginSnapshot{}, err
	}
	if len(found) == 0 {
		return domain.LoginSnapshot{}, failed("finding a user by name", errors.New("the head of the catalog is missing"))
	}
	return v.selectUser(&found[0], key)
}

func loginPipeline(key string) mongo.Pipeline {
	return mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "_id", Value: headID}}}},
		{{Key: "$addFields", Value: bson.D{{Key: "account", Value: domain.AttemptAccountOfName(key)}}}},
		{{Key: "$lookup", Value: join(attemptsName, "account", "attempts")}},
		{{Key: "$lookup", Value: bson.D{
			{Key: "from", Value: usersName},
			{Key: "pipeline", Value: mongo.Pipeline{
				{{Key: "$match", Value: loginFilter(key)}},
				{{Key: "$limit", Value: 2}},
				{{Key: "$lookup", Value: join(sessionsName, "doc.sessions.id", "sessions")}},
				{{Key: "$addFields", Value: bson.D{{
					Key:   "account",
					Value: bson.D{{Key: "$concat", Value: bson.A{domain.AttemptAccountPrefix, "$_id"}}},
				}}}},
				{{Key: "$lookup", Value: join(attemptsName, "account", "attempts")}},
				{{Key: "$project", Value: append(bson.D{
					{Key: "sessions.outbox", Value: 0}, {Key: "attempts.outbox", Value: 0}, {Key: "account", Value: 0},
				}, hidden...)}},
			}},
			{Key: "as", Value: "users"},
		}}},
		{{Key: "$project", Value: bson.D{
			{Key: "_id", Value: 0}, {Key: "account", Value: 0}, {Key: "attempts.outbox", Value: 0}, {Key: "recent", Value: 0},
		}}},
	}
}

// selectUser prefers the user with the username to the user with the e-mail address.
func (v *View) selectUser(start *loginResult, key string) (domain.LoginSnapshot, error) {
	login := domain.LoginSnapshot{Catalog: start.Number, Sessions: []domain.Session{}}
	if key == "" {
		return login, nil
	}
	account, attempts := domain.AttemptAccountOfName(key), start.Attempts
	defer func() { v.s.rememberAttempts(account, attempts) }()
	for _, found := range start.Users {
		if found.User.Gone {
			continue
		}
		user, err := v.s.users.entity(found.User)
		if err != nil {
			return domain.LoginSnapshot{}, err
		}
		if login.User.ID != "" && user.UsernameKey != key {
			continue
		}
		v.s.users.remember(found.User)
		account, attempts = domain.AttemptAccount(user.ID), found.Attempts
		login.User = user
		if login.Sessions, err = v.sessions(found.Sessions); err != nil {
			return domain.LoginSnapshot{}, err
		}
	}
	return login, nil
}

// rememberAttempts caches the attempts on the account, or that there are none. An attempt that is reserved on a stale
// document is reserved again.
func (s *Store) rememberAttempts(account string, found []record) {
	if len(found) == 0 {
		s.documents.Add(s.attempts.key(account), cachedDocument{})
		return
	}
	s.attempts.remember(found[0])
}

func (v *View) sessions(records []record) ([]domain.Session, error) {
	sessions := make([]domain.Session, 0, len(records))
	for _, r := range records {
		session, err := v.s.sessions.entity(r)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, session)
	}
	return sessions, nil
}

// LookupSessions returns the stored sessions among ids.
func (v *View) LookupSessions(ctx context.Context, ids ...domain.SessionID) ([]domain.Session, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return v.s.sessions.list(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, options.Find())
}

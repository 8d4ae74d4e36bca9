package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

// loginStart is what one round trip brings: the head of the catalog, and who has the name with the sessions that they list.
type loginStart struct {
	Number int64 `bson:"n"`
	Users  []struct {
		User     record   `bson:",inline"`
		Sessions []record `bson:"sessions"`
	} `bson:"users"`
}

// LookLogin returns whom the key means with their sessions and the catalog's version. It begins at the head of the catalog,
// which is always there, so that a name that nobody has costs the same one round trip.
func (v *View) LookLogin(ctx context.Context, key string) (domain.LoginLook, error) {
	ctx, cancel := v.s.bound(ctx)
	defer cancel()
	var found []loginStart
	err := v.s.fresh(ctx, func() error {
		found = nil
		cursor, err := v.s.db.Collection(catalogName).Aggregate(ctx, whoseName(key))
		if err != nil {
			return failed("looking for a name", err)
		}
		return failed("looking for a name", cursor.All(ctx, &found))
	})
	if err != nil {
		return domain.LoginLook{}, err
	}
	if len(found) == 0 {
		return domain.LoginLook{}, failed("looking for a name", errors.New("the catalog is not there"))
	}
	return v.whose(&found[0], key)
}

func whoseName(key string) mongo.Pipeline {
	return mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "_id", Value: headID}}}},
		{{Key: "$lookup", Value: bson.D{
			{Key: "from", Value: usersName},
			{Key: "pipeline", Value: mongo.Pipeline{
				{{Key: "$match", Value: loginFilter(key)}},
				{{Key: "$limit", Value: 2}},
				{{Key: "$lookup", Value: join(sessionsName, "doc.sessions.id", "sessions")}},
				{{Key: "$project", Value: append(bson.D{{Key: "sessions.outbox", Value: 0}}, hidden...)}},
			}},
			{Key: "as", Value: "users"},
		}}},
		{{Key: "$project", Value: bson.D{{Key: "n", Value: 1}, {Key: "users", Value: 1}}}},
	}
}

// whose takes the user whose username it is before the one whose address it is.
func (v *View) whose(start *loginStart, key string) (domain.LoginLook, error) {
	look := domain.LoginLook{Catalog: start.Number, Sessions: []domain.Session{}}
	if key == "" {
		return look, nil
	}
	for _, found := range start.Users {
		if found.User.Gone {
			continue
		}
		user, err := v.s.users.thing(found.User)
		if err != nil {
			return domain.LoginLook{}, err
		}
		if look.User.ID != "" && user.UsernameKey != key {
			continue
		}
		v.s.users.note(found.User)
		look.User = user
		if look.Sessions, err = v.sessions(found.Sessions); err != nil {
			return domain.LoginLook{}, err
		}
	}
	return look, nil
}

func (v *View) sessions(records []record) ([]domain.Session, error) {
	sessions := make([]domain.Session, 0, len(records))
	for _, r := range records {
		session, err := v.s.sessions.thing(r)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, session)
	}
	return sessions, nil
}

// LookSessions returns those of the sessions that there are.
func (v *View) LookSessions(ctx context.Context, ids ...domain.SessionID) ([]domain.Session, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return v.s.sessions.list(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, options.Find())
}

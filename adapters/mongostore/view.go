package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/ostiary/ostiary/core/domain"
)

// View implements ports.SessionView, ports.LoginView and ports.KeyView with one round trip to the primary for each
// lookup.
type View struct{ s *Store }

// View returns the view for sessions, logins and keys.
func (s *Store) View() *View { return &View{s} }

// lookupResult is the result of one round trip: the session or key, its user, and the head of the catalog.
type lookupResult struct {
	Entity  record   `bson:",inline"`
	User    []record `bson:"user"`
	Catalog []struct {
		Number int64 `bson:"n"`
	} `bson:"catalog"`
}

// lookup reads one entity by ID with its user and the catalog's version. Each part is read at or after the start of the
// command, so it includes every change acknowledged before; the parts need not be of the same time.
func lookup[T any](ctx context.Context, s *Store, t *table[T], id string) (entity T, user domain.User, catalog int64,
	err error,
) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	found, err := aggregate[lookupResult](ctx, s, s.checked(t.coll.Name()), lookupPipeline(id))
	if err != nil {
		return entity, user, 0, err
	}
	if len(found) == 0 || len(found[0].User) == 0 || found[0].User[0].Gone || found[0].Entity.Gone ||
		len(found[0].Catalog) == 0 {
		return entity, user, 0, t.absent
	}
	if user, err = s.users.entity(found[0].User[0]); err != nil {
		return entity, user, 0, err
	}
	if entity, err = t.entity(found[0].Entity); err != nil {
		return entity, user, 0, err
	}
	s.users.remember(found[0].User[0])
	t.remember(found[0].Entity)
	return entity, user, found[0].Catalog[0].Number, nil
}

// aggregate returns the results of the pipeline, read under a lease.
func aggregate[T any](ctx context.Context, s *Store, coll *mongo.Collection,
	pipeline mongo.Pipeline,
) (found []T, err error) {
	err = s.withLease(ctx, func() error {
		found = nil // results of a read without a lease
		cursor, err := coll.Aggregate(ctx, pipeline)
		if err == nil {
			err = cursor.All(ctx, &found)
		}
		return failed("reading "+coll.Name(), err)
	})
	return found, err
}

func lookupPipeline(id string) mongo.Pipeline {
	return mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "_id", Value: id}}}},
		{{Key: "$addFields", Value: bson.D{{Key: "head", Value: headID}}}},
		{{Key: "$lookup", Value: join(usersName, "doc.userid", "user")}},
		{{Key: "$lookup", Value: join(catalogName, "head", "catalog")}},
		{{Key: "$project", Value: bson.D{
			{Key: "outbox", Value: 0}, {Key: "head", Value: 0}, {Key: "user.outbox", Value: 0}, {Key: "user.grams", Value: 0},
		}}},
	}
}

func join(from, local, as string) bson.D {
	return bson.D{
		{Key: "from", Value: from},
		{Key: "localField", Value: local},
		{Key: "foreignField", Value: "_id"},
		{Key: "as", Value: as},
	}
}

// checked returns a collection with the read concern of access checks.
func (s *Store) checked(name string) *mongo.Collection {
	if s.config.Strict {
		return s.db.Collection(name, options.Collection().SetReadConcern(readconcern.Linearizable()))
	}
	return s.db.Collection(name)
}

// Lookup returns the session with its user if the user lists it.
func (v *View) Lookup(ctx context.Context, id domain.SessionID) (domain.LiveSession, error) {
	session, user, catalog, err := lookup(ctx, v.s, v.s.sessions, string(id))
	if err == nil && !user.ListsSession(id) {
		err = domain.ErrSessionNotFound
	}
	if err != nil {
		return domain.LiveSession{}, err
	}
	return domain.LiveSession{Session: &session, User: &user, Catalog: catalog}, nil
}

// Touch records activity of the session.
func (v *View) Touch(_ context.Context, id domain.SessionID, at time.Time) error {
	v.s.touched.touch(string(id), at)
	return nil
}

// LookupKey returns the key with its owner.
func (v *View) LookupKey(ctx context.Context, id domain.KeyID) (domain.LiveKey, error) {
	key, user, catalog, err := lookup(ctx, v.s, v.s.keys, string(id))
	if err != nil {
		return domain.LiveKey{}, err
	}
	return domain.LiveKey{Key: &key, User: &user, Catalog: catalog}, nil
}

// TouchKey records a use of the key.
func (v *View) TouchKey(_ context.Context, id domain.KeyID, at time.Time) error {
	v.s.used.touch(string(id), at)
	return nil
}

package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// View implements ports.SessionView, ports.LoginView and ports.KeyView with one round trip to the primary for each
// lookup.
type View struct{ s *Store }

// View returns the view for sessions, logins and keys.
func (s *Store) View() *View { return &View{s} }

var (
	_ ports.SessionView = (*View)(nil)
	_ ports.LoginView   = (*View)(nil)
	_ ports.KeyView     = (*View)(nil)
)

// lookupResult is the result of one round trip: the session or key, its user, and the head of the catalog.
type lookupResult struct {
	Entity  record   `bson:",inline"`
	User    []record `bson:"user"`
	Catalog []struct {
		Number int64 `bson:"n"`
	} `bson:"catalog"`
}

// lookup reads one document by ID with its user and the catalog's version. Each part is read at or after the start of
// the command, so it includes every change acknowledged before; the parts need not be of the same time.
func (v *View) lookup(ctx context.Context, collection, id string) (*lookupResult, error) {
	ctx, cancel := v.s.bound(ctx)
	defer cancel()
	var found []lookupResult
	err := v.s.withLease(ctx, func() error {
		found = nil
		cursor, err := v.s.checked(collection).Aggregate(ctx, lookupPipeline(id))
		if err != nil {
			return failed("reading "+collection, err)
		}
		return failed("reading "+collection, cursor.All(ctx, &found))
	})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || len(found[0].User) == 0 || found[0].User[0].Gone || found[0].Entity.Gone ||
		len(found[0].Catalog) == 0 {
		return nil, nil
	}
	return &found[0], nil
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
	found, err := v.lookup(ctx, sessionsName, string(id))
	if err != nil {
		return domain.LiveSession{}, err
	}
	if found == nil {
		return domain.LiveSession{}, domain.ErrSessionNotFound
	}
	user, err := v.user(found)
	if err != nil {
		return domain.LiveSession{}, err
	}
	if !user.ListsSession(id) {
		return domain.LiveSession{}, domain.ErrSessionNotFound
	}
	session, err := v.s.sessions.entity(found.Entity)
	if err != nil {
		return domain.LiveSession{}, err
	}
	v.s.sessions.remember(found.Entity)
	return domain.LiveSession{Session: &session, User: user, Catalog: found.Catalog[0].Number}, nil
}

func (v *View) user(found *lookupResult) (*domain.User, error) {
	user, err := v.s.users.entity(found.User[0])
	if err != nil {
		return nil, err
	}
	v.s.users.remember(found.User[0])
	return &user, nil
}

// Touch records activity of the session.
func (v *View) Touch(_ context.Context, id domain.SessionID, at time.Time) error {
	v.s.touched.touch(string(id), at)
	return nil
}

// LookupKey returns the key with its owner.
func (v *View) LookupKey(ctx context.Context, id domain.KeyID) (domain.LiveKey, error) {
	found, err := v.lookup(ctx, keysName, string(id))
	if err != nil {
		return domain.LiveKey{}, err
	}
	if found == nil {
		return domain.LiveKey{}, domain.ErrKeyNotFound
	}
	user, err := v.user(found)
	if err != nil {
		return domain.LiveKey{}, err
	}
	key, err := v.s.keys.entity(found.Entity)
	if err != nil {
		return domain.LiveKey{}, err
	}
	v.s.keys.remember(found.Entity)
	return domain.LiveKey{Key: &key, User: user, Catalog: found.Catalog[0].Number}, nil
}

// TouchKey records a use of the key.
func (v *View) TouchKey(_ context.Context, id domain.KeyID, at time.Time) error {
	v.s.used.touch(string(id), at)
	return nil
}

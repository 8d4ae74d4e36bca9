package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/ostiary/ostiary/core/domain"
)

// View implements ports.SessionView, ports.LoginView and ports.KeyView. A lookup of a session or key is answered from
// memory under the lease of the node (cluster.go), and is one round trip to the primary otherwise.
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

// fillResult is the result of one round trip: the position of the log of invalidations, and a session or key that is at
// least as new.
type fillResult struct {
	Number int64          `bson:"n"`
	Found  []lookupResult `bson:"found"`
}

// lookup reads one entity by ID with its user and the catalog's version. Each part is read at or after the start of the
// command, so it includes every change acknowledged before; the parts need not be of the same time. It adds them to the
// cache while the node has a lease.
func lookup[T any](ctx context.Context, s *Store, t *table[T], cache *valueCache[T], id string) (entity *T,
	user *domain.User, catalog int64, err error,
) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if !s.cluster.live() {
		found, err := aggregate[lookupResult](ctx, s, s.checked(t.coll.Name()), lookupPipeline(id))
		if err != nil {
			return nil, nil, 0, err
		}
		return decodeLookup(s, t, found)
	}
	started := s.cluster.beginFill()
	filled, err := aggregate[fillResult](ctx, s, s.cluster.log(), fillPipeline(t.coll.Name(), id))
	if err != nil {
		return nil, nil, 0, err
	}
	if len(filled) == 0 {
		return nil, nil, 0, failed("reading "+t.coll.Name(), errors.New("the log of invalidations is missing"))
	}
	entity, user, catalog, err = decodeLookup(s, t, filled[0].Found)
	if err != nil {
		return nil, nil, 0, err
	}
	keys := []string{t.key(id), s.users.key(string(user.ID)), catalogKey}
	s.cluster.endFill(started, filled[0].Number, keys, func() {
		cache.put(id, entity)
		cache.swap(id, func(x T) T { // activity that was recorded meanwhile
			t.overlay(&x, id, 0)
			return x
		})
		s.cached.users.put(string(user.ID), user)
		// A version that is cached is current. A later one was not published yet: its change reads it for every node
		// before it is confirmed; see cluster.apply.
		s.cached.catalog.CompareAndSwap(0, catalog)
	})
	return entity, user, catalog, nil
}

func decodeLookup[T any](s *Store, t *table[T], found []lookupResult) (*T, *domain.User, int64, error) {
	if len(found) == 0 || len(found[0].User) == 0 || found[0].User[0].Gone || found[0].Entity.Gone ||
		len(found[0].Catalog) == 0 {
		return nil, nil, 0, t.absent
	}
	user, err := s.users.entity(found[0].User[0])
	if err != nil {
		return nil, nil, 0, err
	}
	entity, err := t.entity(found[0].Entity)
	if err != nil {
		return nil, nil, 0, err
	}
	s.users.remember(found[0].User[0])
	t.remember(found[0].Entity)
	return &entity, &user, found[0].Catalog[0].Number, nil
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
			{Key: "outbox", Value: 0},
			{Key: "head", Value: 0},
			{Key: "user.outbox", Value: 0},
			{Key: "user." + endsField, Value: 0},
			{Key: "user." + triField, Value: 0},
			{Key: "user." + gramsField, Value: 0},
			{Key: "catalog.recent", Value: 0},
		}}},
	}
}

// fillPipeline reads the position of the log first, so that the rest is at least as new.
func fillPipeline(collection, id string) mongo.Pipeline {
	return mongo.Pipeline{
		{{Key: "$match", Value: thisLog}},
		{{Key: "$project", Value: bson.D{{Key: "n", Value: 1}}}},
		{{Key: "$lookup", Value: bson.D{
			{Key: "from", Value: collection},
			{Key: "pipeline", Value: lookupPipeline(id)},
			{Key: "as", Value: "found"},
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
	if live, ok := v.cachedSession(id); ok {
		return live, nil
	}
	session, user, catalog, err := lookup(ctx, v.s, v.s.sessions, v.s.cached.sessions, string(id))
	if err == nil && !user.ListsSession(id) {
		err = domain.ErrSessionNotFound
	}
	if err != nil {
		return domain.LiveSession{}, err
	}
	return domain.LiveSession{Session: session, User: user, Catalog: catalog}, nil
}

// cachedSession returns the session if everything that a verification needs is cached and the lease is valid. A session
// that the cached values do not show as live is read again: a cache never refuses.
func (v *View) cachedSession(id domain.SessionID) (domain.LiveSession, bool) {
	s := v.s
	if !s.cluster.live() { // first: a value that is read later is current
		return domain.LiveSession{}, false
	}
	session, ok := s.cached.sessions.get(string(id))
	if !ok || !s.isActive(session.LastActivity) {
		return domain.LiveSession{}, false
	}
	user, ok := s.cached.users.get(string(session.UserID))
	catalog := s.cached.catalog.Load()
	if !ok || catalog == 0 || !user.ListsSession(id) {
		return domain.LiveSession{}, false
	}
	return domain.LiveSession{Session: session, User: user, Catalog: catalog}, true
}

// Touch records activity of the session.
func (v *View) Touch(_ context.Context, id domain.SessionID, at time.Time) error {
	v.s.touched.Add(string(id), at)
	v.s.cached.sessions.swap(string(id), func(x domain.Session) domain.Session {
		if at.After(x.LastActivity) {
			x.LastActivity = at
		}
		return x
	})
	return nil
}

// LookupKey returns the key with its owner.
func (v *View) LookupKey(ctx context.Context, id domain.KeyID) (domain.LiveKey, error) {
	if live, ok := v.cachedKey(id); ok {
		return live, nil
	}
	key, user, catalog, err := lookup(ctx, v.s, v.s.keys, v.s.cached.keys, string(id))
	if err != nil {
		return domain.LiveKey{}, err
	}
	return domain.LiveKey{Key: key, User: user, Catalog: catalog}, nil
}

// cachedKey is cachedSession for API keys.
func (v *View) cachedKey(id domain.KeyID) (domain.LiveKey, bool) {
	s := v.s
	if !s.cluster.live() {
		return domain.LiveKey{}, false
	}
	key, ok := s.cached.keys.get(string(id))
	if !ok {
		return domain.LiveKey{}, false
	}
	user, ok := s.cached.users.get(string(key.UserID))
	catalog := s.cached.catalog.Load()
	if !ok || catalog == 0 {
		return domain.LiveKey{}, false
	}
	return domain.LiveKey{Key: key, User: user, Catalog: catalog}, true
}

// TouchKey records a use of the key.
func (v *View) TouchKey(_ context.Context, id domain.KeyID, at time.Time) error {
	v.s.used.Add(string(id), at)
	v.s.cached.keys.swap(string(id), func(k domain.APIKey) domain.APIKey {
		if at.After(k.LastUsedAt) {
			k.LastUsedAt = at
		}
		return k
	})
	return nil
}

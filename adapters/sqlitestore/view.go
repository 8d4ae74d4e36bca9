package sqlitestore

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// flushEvery is the interval at which recorded activity times and attempts are written to the database. A crash loses
// at most this interval plus the duration of a flush.
const flushEvery = 25 * time.Second

// The maximum numbers of cached records.
const (
	cachedSessions = 50_000
	cachedUsers    = 20_000
)

// view contains the caches that most requests read. A lookup reads session, user and catalog one after the other, each
// at least as new as the last acknowledged write. Therefore every lookup that starts after the acknowledgement of a
// change returns the changed record.
type view struct {
	s        *Store
	sessions *cache[domain.SessionID, domain.Session]
	users    *cache[domain.UserID, domain.User]
	keys     *cache[domain.KeyID, domain.APIKey]
	active   *records.Activity
	used     *records.Activity
	logins   *cache[string, domain.UserID] // user IDs by username and email key; renaming drops both names
}

func newView(s *Store) *view {
	return &view{
		s:        s,
		sessions: newCache[domain.SessionID, domain.Session](cachedSessions),
		users:    newCache[domain.UserID, domain.User](cachedUsers),
		keys:     newCache[domain.KeyID, domain.APIKey](cachedUsers),
		active:   records.NewActivity(monotonic),
		used:     records.NewActivity(monotonic),
		logins:   newCache[string, domain.UserID](cachedUsers),
	}
}

// View returns the cached view of live sessions and API keys.
func (s *Store) View() *View { return &View{s.view} }

// View implements ports.SessionView, ports.LoginView and ports.KeyView.
type View struct{ v *view }

// Lookup returns the session with its user, from the cache if they were read recently.
func (x *View) Lookup(ctx context.Context, id domain.SessionID) (domain.LiveSession, error) {
	v := x.v
	session, err := v.session(ctx, id)
	if err != nil {
		return domain.LiveSession{}, err
	}
	user, err := v.user(ctx, session.UserID)
	if errors.Is(err, domain.ErrUserNotFound) || err == nil && !user.ListsSession(id) {
		return domain.LiveSession{}, domain.ErrSessionNotFound
	}
	if err != nil {
		return domain.LiveSession{}, err
	}
	return domain.LiveSession{Session: session, User: user, Catalog: v.s.catalog.Load().Version}, nil
}

func (v *view) user(ctx context.Context, id domain.UserID) (*domain.User, error) {
	return v.users.get(id, func() (*domain.User, error) {
		user, err := v.s.findUser(ctx, "SELECT doc, search_text FROM users WHERE id = ?", string(id))
		return &user, err
	})
}

// LookupLogin returns the user with this username or email key, from the cache if it was read recently.
func (x *View) LookupLogin(ctx context.Context, key string) (domain.LoginSnapshot, error) {
	user, err := x.v.login(ctx, key)
	if err != nil && !errors.Is(err, domain.ErrUserNotFound) {
		return domain.LoginSnapshot{}, err
	}
	return domain.LoginSnapshot{User: user, Catalog: x.v.s.catalog.Load().Version}, nil
}

func (v *view) login(ctx context.Context, key string) (domain.User, error) {
	id, err := v.logins.get(key, func() (*domain.UserID, error) {
		user, err := v.s.findLogin(ctx, key)
		return &user.ID, err
	})
	if err != nil {
		return domain.User{}, err
	}
	user, err := v.user(ctx, *id)
	if err != nil && !errors.Is(err, domain.ErrUserNotFound) {
		return domain.User{}, err
	}
	if err != nil || user.UsernameKey != key && user.EmailKey != key { // renamed or deleted concurrently
		return v.s.findLogin(ctx, key)
	}
	return user.Clone(), nil
}

// LookupSessions returns the sessions with these IDs, without those that do not exist.
func (x *View) LookupSessions(ctx context.Context, ids ...domain.SessionID) ([]domain.Session, error) {
	sessions := make([]domain.Session, 0, len(ids))
	for _, id := range ids {
		session, err := x.v.session(ctx, id)
		switch {
		case errors.Is(err, domain.ErrSessionNotFound):
		case err != nil:
			return nil, err
		default:
			sessions = append(sessions, session.Clone())
		}
	}
	return sessions, nil
}

func (v *view) session(ctx context.Context, id domain.SessionID) (*domain.Session, error) {
	return v.sessions.get(id, func() (*domain.Session, error) {
		session, err := v.s.readSession(ctx, id)
		return &session, err
	})
}

// Touch records an activity of the session. A flush writes it to the database later.
func (x *View) Touch(_ context.Context, id domain.SessionID, at time.Time) error {
	x.v.active.Add(string(id), at) // first, so that a concurrent load of the session finds it
	x.v.refresh(id, at)
	return nil
}

// refresh updates the last activity of a cached session to the recorded time and to at. A flush may have written at to
// the database and removed it from the recorded times already.
func (v *view) refresh(id domain.SessionID, at time.Time) {
	v.sessions.swap(id, func(s domain.Session) domain.Session {
		s.LastActivity = latestOf(v.active, id, later(s.LastActivity, at))
		return s
	})
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// LookupKey returns the key with its owner, from the cache if they were read recently.
func (x *View) LookupKey(ctx context.Context, id domain.KeyID) (domain.LiveKey, error) {
	v := x.v
	key, err := v.keys.get(id, func() (*domain.APIKey, error) {
		key, err := v.s.readKey(ctx, id)
		return &key, err
	})
	if err != nil {
		return domain.LiveKey{}, err
	}
	user, err := v.user(ctx, key.UserID)
	if errors.Is(err, domain.ErrUserNotFound) {
		return domain.LiveKey{}, domain.ErrKeyNotFound
	}
	if err != nil {
		return domain.LiveKey{}, err
	}
	return domain.LiveKey{Key: key, User: user, Catalog: v.s.catalog.Load().Version}, nil
}

// TouchKey records a use of the key. A flush writes it to the database later.
func (x *View) TouchKey(_ context.Context, id domain.KeyID, at time.Time) error {
	x.v.used.Add(string(id), at)
	x.v.refreshKey(id, at)
	return nil
}

func (v *view) refreshKey(id domain.KeyID, at time.Time) {
	v.keys.swap(id, func(k domain.APIKey) domain.APIKey {
		k.LastUsedAt = latestOf(v.used, id, later(k.LastUsedAt, at))
		return k
	})
}

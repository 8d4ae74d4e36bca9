package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// SessionStore stores sessions. Whether a session is live is decided by its user's list (domain.User.Sessions), so
// ending one is a change of the user. This store holds the session's own record.
//
// It is safe for concurrent use and passes conformance.SessionStore. Results are copies. An absent session is
// domain.ErrSessionNotFound.
type SessionStore interface {
	Create(ctx context.Context, session domain.Session) error
	// Begin stores a new session and applies change, which lists the session, to its user, and returns that user. If
	// it fails, no part of the session is live; its record may remain until Sweep.
	Begin(ctx context.Context, session domain.Session, change Change[domain.User]) (domain.User, error)
	Get(ctx context.Context, id domain.SessionID) (domain.Session, error)
	Update(ctx context.Context, id domain.SessionID, change Change[domain.Session]) (domain.Session, error)
	// ListByUser returns the user's sessions, newest first.
	ListByUser(ctx context.Context, id domain.UserID) ([]domain.Session, error)
	// ListByProvider returns the sessions of a provider's session, or all of a subject if session is empty.
	ListByProvider(ctx context.Context, directory domain.DirectoryID, subject domain.Subject,
		session string) ([]domain.Session, error)
	// ListProviderGrants returns up to limit sessions with a provider's grant that were last checked before the given
	// time.
	ListProviderGrants(ctx context.Context, checkedBefore time.Time, limit int) ([]domain.Session, error)
	// Sweep deletes up to limit sessions that cannot be live: past their absolute end, or not listed by their user
	// and created before madeBefore. It returns the number of deleted sessions.
	Sweep(ctx context.Context, now, madeBefore time.Time, limit int) (int, error)
}

// SessionView checks on the hot path whether a session is live: one lookup, no write.
//
// Each implementation guarantees: a Lookup that starts after a change of the session, the user or the catalog was
// acknowledged, on any node, sees that change. A view that cannot guarantee it returns fault.ErrStorage.
type SessionView interface {
	// Lookup returns the session with its user. A session that is absent or not listed by its user is
	// domain.ErrSessionNotFound. The caller checks the time limits.
	Lookup(ctx context.Context, id domain.SessionID) (domain.LiveSession, error)
	// Touch records activity. The next Lookup sees it; it may reach the disk up to 30 seconds later, so a crash can
	// only shorten a session.
	Touch(ctx context.Context, id domain.SessionID, at time.Time) error
}

// LoginView returns what a sign-in needs first. It gives the same guarantee as SessionView.
type LoginView interface {
	// LookupLogin returns, in one read, the data of a sign-in under this key: the user that UserStore.FindByLogin
	// finds, and the version of the catalog. An unknown key costs the same, and is not an error.
	LookupLogin(ctx context.Context, key string) (domain.LoginSnapshot, error)
	// LookupSessions returns the existing sessions among the ids in one read, in no particular order.
	LookupSessions(ctx context.Context, ids ...domain.SessionID) ([]domain.Session, error)
}

// APIKeyStore stores API keys. It passes conformance.APIKeyStore. An absent key is domain.ErrKeyNotFound.
type APIKeyStore interface {
	Create(ctx context.Context, key domain.APIKey, out domain.Outbox) error
	Get(ctx context.Context, id domain.KeyID) (domain.APIKey, error)
	Update(ctx context.Context, id domain.KeyID, change Change[domain.APIKey]) (domain.APIKey, error)
	// List returns one page of a user's live keys, newest first. Its cost does not grow with the cursor's depth.
	List(ctx context.Context, query domain.KeyQuery) (domain.KeyPage, error)
}

// KeyView is SessionView for API keys, with the same guarantee.
type KeyView interface {
	// LookupKey returns the key with its owner, or domain.ErrKeyNotFound. The caller checks whether it is live.
	LookupKey(ctx context.Context, id domain.KeyID) (domain.LiveKey, error)
	// TouchKey records a use. It may reach the disk up to a minute later.
	TouchKey(ctx context.Context, id domain.KeyID, at time.Time) error
}

// ThirdPartyTokenStore stores the records of third-party tokens. An absent record is domain.ErrTokenNotFound.
type ThirdPartyTokenStore interface {
	Create(ctx context.Context, token domain.ThirdPartyToken, out domain.Outbox) error
	Get(ctx context.Context, id string) (domain.ThirdPartyToken, error)
	Update(ctx context.Context, id string, change Change[domain.ThirdPartyToken]) (domain.ThirdPartyToken, error)
	List(ctx context.Context) ([]domain.ThirdPartyToken, error)
}

package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// SessionStore keeps sessions. Whether one is live is decided by its user's list (domain.User.Sessions), so ending one is a
// change of the user; what stands here is the session's own record.
//
// It is safe for concurrent use and passes conformance.SessionStore. Results are copies; an absent session is
// domain.ErrSessionNotFound.
type SessionStore interface {
	Create(ctx context.Context, session domain.Session) error
	// Begin stores a new session and applies change, which lists it, to its user, and returns that user. Where it fails nothing of
	// the session is live, and its record may stay behind for Sweep.
	Begin(ctx context.Context, session domain.Session, change Change[domain.User]) (domain.User, error)
	Get(ctx context.Context, id domain.SessionID) (domain.Session, error)
	Update(ctx context.Context, id domain.SessionID, change Change[domain.Session]) (domain.Session, error)
	// ListByUser returns the user's sessions, the newest first.
	ListByUser(ctx context.Context, id domain.UserID) ([]domain.Session, error)
	// ListByProvider returns the sessions that came with a provider's session, or all of a subject when session is empty.
	ListByProvider(ctx context.Context, directory domain.DirectoryID, subject domain.Subject, session string) ([]domain.Session, error)
	// ListProviderGrants returns up to limit sessions that hold a provider's grant and were last checked before the time given.
	ListProviderGrants(ctx context.Context, checkedBefore time.Time, limit int) ([]domain.Session, error)
	// Sweep removes up to limit sessions that cannot be live: past their absolute end, or not listed by their user and made
	// before the time given. It returns how many it removed.
	Sweep(ctx context.Context, now, madeBefore time.Time, limit int) (int, error)
}

// SessionView answers "is this session live" on the hot path: one look, no write.
//
// The promise that each implementation keeps: a Look that starts after a change of the session, the user or the catalog was
// acknowledged, on any node, sees that change. A view that cannot tell returns fault.ErrStorage.
type SessionView interface {
	// Look returns the session with its user. One that is absent, or that the user does not list, is
	// domain.ErrSessionNotFound. The limits of time are the caller's to check.
	Look(ctx context.Context, id domain.SessionID) (domain.LiveSession, error)
	// Touch notes activity. It is seen by the next Look and may reach the disk up to 30 seconds later: a crash can only
	// shorten a session.
	Touch(ctx context.Context, id domain.SessionID, at time.Time) error
}

// LoginView gives what a sign-in begins with. It keeps SessionView's promise.
type LoginView interface {
	// LookLogin returns, in one look, what a sign-in under this key is about: the user whom UserStore.FindByLogin finds, and the
	// version of the catalog. A key that means nobody costs the same, and is no error.
	LookLogin(ctx context.Context, key string) (domain.LoginLook, error)
	// LookSessions returns in one look those of the sessions that there are, in no order.
	LookSessions(ctx context.Context, ids ...domain.SessionID) ([]domain.Session, error)
}

// APIKeyStore keeps API keys. It passes conformance.APIKeyStore; an absent key is domain.ErrKeyNotFound.
type APIKeyStore interface {
	Create(ctx context.Context, key domain.APIKey, out domain.Outbox) error
	Get(ctx context.Context, id domain.KeyID) (domain.APIKey, error)
	Update(ctx context.Context, id domain.KeyID, change Change[domain.APIKey]) (domain.APIKey, error)
	// List returns one page of a user's live keys, the newest first. Its cost does not grow with the cursor's depth.
	List(ctx context.Context, query domain.KeyQuery) (domain.KeyPage, error)
}

// KeyView is SessionView for API keys, with the same promise.
type KeyView interface {
	// LookKey returns the key with its owner, or domain.ErrKeyNotFound. Whether it is live is the caller's to check.
	LookKey(ctx context.Context, id domain.KeyID) (domain.LiveKey, error)
	// TouchKey notes a use; it may reach the disk up to a minute later.
	TouchKey(ctx context.Context, id domain.KeyID, at time.Time) error
}

// ThirdPartyTokenStore keeps the records of third-party tokens; an absent one is domain.ErrTokenNotFound.
type ThirdPartyTokenStore interface {
	Create(ctx context.Context, token domain.ThirdPartyToken, out domain.Outbox) error
	Get(ctx context.Context, id string) (domain.ThirdPartyToken, error)
	Update(ctx context.Context, id string, change Change[domain.ThirdPartyToken]) (domain.ThirdPartyToken, error)
	List(ctx context.Context) ([]domain.ThirdPartyToken, error)
}

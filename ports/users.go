package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// Change is applied to a thing inside a store's one atomic step. It may run again after a lost race, each time with the
// present state and an empty outbox, so it touches nothing else. An error leaves everything as it was, and so does
// ErrUnchanged, which is then no failure.
type Change[T any] func(thing *T, out *domain.Outbox) error

// UserStore keeps users.
//
// It is safe for concurrent use and passes conformance.UserStore. Results are copies. An absent user is
// domain.ErrUserNotFound; a taken username, email or subject is domain.ErrUserExists that names the field. No username is
// another user's email, also under a race; users who collide from before that rule keep both. Every change is on disk, with its outbox, before the method returns; a store that cannot tell whether it is returns fault.ErrStorage.
type UserStore interface {
	Create(ctx context.Context, user domain.User, out domain.Outbox) error
	Get(ctx context.Context, id domain.UserID) (domain.User, error)
	// FindByLogin returns the user whose username key or, where none has it, whose email key this is.
	FindByLogin(ctx context.Context, key string) (domain.User, error)
	// FindByEmail returns the user whose email key this is, also where it is another user's username from before that was
	// refused: for what is sent to the address, or proved by it.
	FindByEmail(ctx context.Context, key string) (domain.User, error)
	FindBySubject(ctx context.Context, directory domain.DirectoryID, subject domain.Subject) (domain.User, error)
	// Update applies change and returns the result. The id cannot change.
	Update(ctx context.Context, id domain.UserID, change Change[domain.User]) (domain.User, error)
	// Delete removes the user, their sessions, API keys and waiting messages; it is for a purge.
	Delete(ctx context.Context, id domain.UserID, out domain.Outbox) error
	// List returns one page. Its cost does not grow with the cursor's depth.
	List(ctx context.Context, query domain.UserQuery) (domain.UserPage, error)
}

// AdminGuard keeps the set of active users who can administer the service, so that the last one cannot be lost to a race. It may
// lack somebody for a moment and never holds somebody who lost their rights: a wrong answer is a refusal.
type AdminGuard interface {
	Members(ctx context.Context) ([]domain.UserID, error)
	Join(ctx context.Context, ids ...domain.UserID) error
	// Leave takes the ids out in one step, unless none would be left: then it changes nothing and returns
	// domain.ErrLastAdmin. Ids that are not in are passed over, and taking out none is no failure.
	Leave(ctx context.Context, ids ...domain.UserID) error
}

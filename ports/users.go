package ports

import (
	"context"
	"iter"

	"github.com/ostiary/ostiary/core/domain"
)

// Change is applied to a record inside a store's transaction. It may run again after a lost race, each time with the
// current state and an empty outbox, so it must change nothing else. An error leaves everything unchanged. So does
// ErrUnchanged, which is not reported as a failure.
type Change[T any] func(thing *T, out *domain.Outbox) error

// UserStore stores users.
//
// It is safe for concurrent use and passes conformance.UserStore. Results are copies. An absent user is
// domain.ErrUserNotFound; a taken username, email or subject is domain.ErrUserExists with the name of the field. No
// username is another user's email, also under a race; users who collide from before that rule keep both. Every
// change is on disk, with its outbox, before the method returns. A store that cannot determine whether it is returns
// fault.ErrStorage.
type UserStore interface {
	Create(ctx context.Context, user domain.User, out domain.Outbox) error
	Get(ctx context.Context, id domain.UserID) (domain.User, error)
	// FindByLogin returns the user with this username key or, if there is none, with this email key.
	FindByLogin(ctx context.Context, key string) (domain.User, error)
	// FindByEmail returns the user with this email key, even if it is also another user's username from before that
	// was refused. It serves what is sent to the address or proved by it.
	FindByEmail(ctx context.Context, key string) (domain.User, error)
	FindBySubject(ctx context.Context, directory domain.DirectoryID, subject domain.Subject) (domain.User, error)
	// Update applies change and returns the result. The id cannot change.
	Update(ctx context.Context, id domain.UserID, change Change[domain.User]) (domain.User, error)
	// Delete deletes the user with their sessions, API keys and queued messages. It implements the purge.
	Delete(ctx context.Context, id domain.UserID, out domain.Outbox) error
	// List returns one page. Its cost does not grow with the cursor's depth.
	List(ctx context.Context, query domain.UserQuery) (domain.UserPage, error)
}

// walkPage is the number of users that AllUsers reads at a time: a few megabytes, and a few queries for all users of a
// large installation.
const walkPage = 2000

// AllUsers yields the users of a query page by page, in constant memory. An error ends the list.
func AllUsers(ctx context.Context, store UserStore, query domain.UserQuery) iter.Seq2[*domain.User, error] {
	query.NoTotal, query.Page = true, domain.Page{Number: 1, Limit: walkPage}
	return func(yield func(*domain.User, error) bool) {
		for more := true; more; more = query.Page.After != nil {
			page, err := store.List(ctx, query)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Users {
				if !yield(&page.Users[i], nil) {
					return
				}
			}
			query.Page.After = page.Next
		}
	}
}

// AdminGuard stores the set of active users who can administer the service, so that the last one cannot be lost to a
// race. It may lack a member for a moment and never contains a user who lost the rights: a stale read can only cause
// a refusal.
type AdminGuard interface {
	Members(ctx context.Context) ([]domain.UserID, error)
	Join(ctx context.Context, ids ...domain.UserID) error
	// Leave removes the ids atomically, unless the set would be empty: then it changes nothing and returns
	// domain.ErrLastAdmin. Absent ids are skipped, and removing none is not an error.
	Leave(ctx context.Context, ids ...domain.UserID) error
}

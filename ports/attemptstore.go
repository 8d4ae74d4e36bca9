package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// AttemptStore stores the counts of failed attempts, one document per account name, whether a user has the name or
// not.
type AttemptStore interface {
	// Update applies change to the account's document, or to an empty one, atomically. Every later call on every node
	// sees the result. A change of pending attempts alone may be lost with this process; any other change is on disk,
	// with its outbox, before Update returns.
	Update(ctx context.Context, account string, now time.Time, change Change[domain.Attempts]) error
	// UpdateAsync is an asynchronous Update, for a change in a user's favor that no caller waits for. Later calls on
	// this node see the change, and other nodes soon. It may be lost with this process, or if the store is not
	// reachable.
	UpdateAsync(account string, now time.Time, change func(*domain.Attempts))
	// Get returns the document, or an empty one if there is none.
	Get(ctx context.Context, account string) (domain.Attempts, error)
	// List returns the stored documents by account, in one read. What may be lost may be missing.
	List(ctx context.Context, accounts ...string) (map[string]domain.Attempts, error)
}

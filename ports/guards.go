package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// AttemptStore keeps the counts of failed attempts, one document for each account, known or not.
type AttemptStore interface {
	// UpdateAttempts applies change to the account's document, an empty one where there is none, in one atomic step.
	UpdateAttempts(ctx context.Context, account string, now time.Time, change Change[domain.Attempts]) error
	// HoldAttempts is UpdateAttempts for what rests on nothing that anybody was told, as a reservation does: every call after it,
	// on every node, sees it, but it may be lost with this process.
	HoldAttempts(ctx context.Context, account string, now time.Time, change Change[domain.Attempts]) error
	// EaseAttempts is HoldAttempts for a change that spares somebody and that nobody needs to wait for: it cannot fail, the calls
	// after it on this node see it, and those of other nodes a quarter of a second later. The change must not refuse.
	EaseAttempts(account string, now time.Time, change func(*domain.Attempts))
	// GetAttempts returns the document, an empty one where there is none.
	GetAttempts(ctx context.Context, account string) (domain.Attempts, error)
	// ListAttempts returns, in one look, the documents that there are, by account. What was only held or eased may be missing.
	ListAttempts(ctx context.Context, accounts ...string) (map[string]domain.Attempts, error)
}

// RateLimiter counts against limits over all nodes, exactly, also under a race and after a crash.
type RateLimiter interface {
	// Take asks for one more of what key names.
	Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error)
	// GiveBack removes one take that was allowed at the time given, if the window still holds it, and returns what is left. The
	// next Take on any node may have it.
	GiveBack(ctx context.Context, key string, rate domain.Rate, taken, now time.Time) (domain.RateState, error)
}

// OnceStore keeps single-use things: what a redirect carries, one-time codes, the ids of tokens that must not come twice.
type OnceStore interface {
	// Put keeps value under key until it expires. A key that is kept already is fault.ErrConflict.
	Put(ctx context.Context, key string, value []byte, expires time.Time) error
	// TakeOnce returns the value and removes it in one step: of N racing takes one gets it, the others and those after
	// its expiry get fault.ErrNotFound.
	TakeOnce(ctx context.Context, key string, now time.Time) ([]byte, error)
}

// IdempotencyStore remembers the answers to requests that carried an Idempotency-Key.
type IdempotencyStore interface {
	// Begin reserves the key. It returns nil when this request is the first, and else the record of the first.
	Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord, error)
	// Complete stores the answer of the first request.
	Complete(ctx context.Context, record domain.IdempotencyRecord) error
	// Abandon frees the key after a failure that changed nothing.
	Abandon(ctx context.Context, key string) error
}

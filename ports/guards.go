package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// AttemptStore stores the counts of failed attempts, one document per account name, whether a user has the name or
// not.
type AttemptStore interface {
	// UpdateAttempts applies change to the account's document, or to an empty one, atomically.
	UpdateAttempts(ctx context.Context, account string, now time.Time, change Change[domain.Attempts]) error
	// HoldAttempts is a volatile UpdateAttempts, for a change that no response depends on, such as a reservation.
	// Every later call on every node sees it, but it may be lost with this process.
	HoldAttempts(ctx context.Context, account string, now time.Time, change Change[domain.Attempts]) error
	// EaseAttempts is an asynchronous HoldAttempts, for a change in a user's favor that no caller waits for. It
	// cannot fail. Later calls on this node see the change, other nodes see it a quarter of a second later. change
	// must not return an error.
	EaseAttempts(account string, now time.Time, change func(*domain.Attempts))
	// GetAttempts returns the document, or an empty one if there is none.
	GetAttempts(ctx context.Context, account string) (domain.Attempts, error)
	// ListAttempts returns the stored documents by account, in one read. Volatile and asynchronous changes may be
	// missing.
	ListAttempts(ctx context.Context, accounts ...string) (map[string]domain.Attempts, error)
}

// RateLimiter counts against limits over all nodes. It is exact, also under a race and after a crash.
type RateLimiter interface {
	// Take counts one request under the key if the rate allows it.
	Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error)
	// Release removes one take that was allowed at the given time, if it is still in the window, and returns the
	// remaining state. The next Take on any node may use it.
	Release(ctx context.Context, key string, rate domain.Rate, taken, now time.Time) (domain.RateState, error)
}

// SingleUseStore stores single-use records: the state of a redirect, one-time codes, the ids of tokens that must not be
// replayed.
type SingleUseStore interface {
	// Put stores value under key until it expires. A stored key is fault.ErrConflict.
	Put(ctx context.Context, key string, value []byte, expires time.Time) error
	// Consume returns the value and deletes it atomically. Exactly one of several concurrent calls gets it. The
	// others, and calls after its expiry, get fault.ErrNotFound.
	Consume(ctx context.Context, key string, now time.Time) ([]byte, error)
}

// IdempotencyStore stores the responses to requests with an Idempotency-Key.
type IdempotencyStore interface {
	// Begin reserves the key. It returns nil if this request is the first, and otherwise the record of the first.
	Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord, error)
	// Complete stores the response of the first request.
	Complete(ctx context.Context, record domain.IdempotencyRecord) error
	// Abandon releases the key after a failure that changed nothing.
	Abandon(ctx context.Context, key string) error
}

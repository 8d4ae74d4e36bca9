package ports

import (
	"context"
	"time"
)

// SingleUseStore stores single-use records: the state of a redirect, one-time codes, the ids of tokens that must not be
// replayed.
type SingleUseStore interface {
	// Put stores value under key until it expires. A stored key is fault.ErrConflict.
	Put(ctx context.Context, key string, value []byte, expires time.Time) error
	// Consume returns the value and deletes it atomically. Exactly one of several concurrent calls gets it. The
	// others, and calls after its expiry, get fault.ErrNotFound.
	Consume(ctx context.Context, key string, now time.Time) ([]byte, error)
}

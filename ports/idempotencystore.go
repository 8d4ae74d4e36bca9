package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// IdempotencyStore stores the responses to requests with an Idempotency-Key.
type IdempotencyStore interface {
	// Begin reserves the key. It returns nil if this request is the first, and otherwise the record of the first.
	Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord, error)
	// Complete stores the response of the first request.
	Complete(ctx context.Context, record domain.IdempotencyRecord) error
	// Abandon releases the key after a failure that changed nothing.
	Abandon(ctx context.Context, key string) error
}

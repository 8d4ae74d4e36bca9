package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// RateLimiter counts against limits over all nodes. It is exact, also under a race and after a crash.
type RateLimiter interface {
	// Take counts one request under the key if the rate allows it.
	Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error)
	// Release removes one take that was allowed at the given time, if it is still in the window, and returns the
	// remaining state. The next Take on any node may use it.
	Release(ctx context.Context, key string, rate domain.Rate, taken, now time.Time) (domain.RateState, error)
}

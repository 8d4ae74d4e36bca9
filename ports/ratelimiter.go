package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// RateLimiter counts against limits over all nodes. It is exact, also under a race and after a crash.
type RateLimiter interface {
	// Take counts one request under the key if the rate allows it.
	Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error)
	// Release removes one take that was allowed at the given time, if it is still in the window, and returns the
	// remaining state. The next Take on any node may use it.
	Release(ctx context.Context, key string, rate domain.Rate, taken, now time.Time) (domain.RateState, error)
}

// Take is RateLimiter.Take with fault.ErrRateLimited for a request that the rate does not allow.
func Take(ctx context.Context, limiter RateLimiter, key string, rate domain.Rate, now time.Time) (domain.RateState,
	error,
) {
	state, err := limiter.Take(ctx, key, rate, now)
	if err == nil && !state.Allowed {
		err = fault.ErrRateLimited.Over(state.Limit, state.Reset)
	}
	return state, err
}

package oidcdir

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// restAfterFetch is the minimum time between two successful fetches: forged tokens must not cause requests to the
	// provider.
	restAfterFetch = 10 * time.Second
	// restAfterFailure is the minimum time between two fetches if the first failed.
	restAfterFailure = 2 * time.Second
	// longestLife is how long a value is used while the provider cannot be reached for a newer one.
	longestLife = 24 * time.Hour
)

// cached holds one value from the provider. It is fetched on first use and refreshed when it is old, by one request
// at a time and never more often than the minimum times above.
type cached[T any] struct {
	fetch   func(ctx context.Context) (T, error)
	now     func() time.Time
	soft    time.Duration // the age at which it is refreshed
	timeout time.Duration

	flight singleflight.Group

	mu        sync.Mutex
	value     T
	err       error // of the last attempt
	have      bool
	fetchedAt time.Time
	triedAt   time.Time
}

// get returns the value. A value older than soft is refreshed; if that fails, the old one is used.
func (c *cached[T]) get(ctx context.Context) (T, error) {
	now := c.look()
	switch {
	case now.have && (now.fresh || !now.mayTry):
		return now.value, nil
	case !now.mayTry:
		return now.value, now.err
	}
	value, err := c.load(ctx)
	if err != nil && now.have {
		return now.value, nil
	}
	return value, err
}

// renew returns a newer value than the caller has if one may be fetched now, and otherwise the current one. If the
// last fetch failed it returns an error, since the value that would decide is unknown.
func (c *cached[T]) renew(ctx context.Context) (T, error) {
	now := c.look()
	if !now.mayTry {
		return now.value, now.err
	}
	return c.load(ctx)
}

// holding is a snapshot of cached.
type holding[T any] struct {
	value               T
	err                 error // of the last attempt
	have, fresh, mayTry bool
}

func (c *cached[T]) look() holding[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	rest := restAfterFetch
	if c.err != nil {
		rest = restAfterFailure
	}
	age := now.Sub(c.fetchedAt)
	h := holding[T]{err: c.err, have: c.have && age < longestLife, fresh: age < c.soft}
	// A clock that was set back must not prevent fetches.
	h.mayTry = c.triedAt.IsZero() || now.Before(c.triedAt) || now.Sub(c.triedAt) >= rest
	if h.have {
		h.value = c.value
	}
	return h
}

// load fetches once for all concurrent callers. The fetch has its own timeout, so that a disconnected browser does
// not cancel it for the others.
func (c *cached[T]) load(ctx context.Context) (T, error) {
	done := c.flight.DoChan("", func() (any, error) {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		value, err := c.fetch(limited)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.triedAt, c.err = c.now(), err
		if err != nil {
			return nil, err
		}
		c.value, c.have, c.fetchedAt = value, true, c.triedAt
		return nil, nil
	})
	var zero T
	select {
	case <-ctx.Done():
		return zero, ctx.Err()
	case result := <-done:
		if result.Err != nil {
			return zero, result.Err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, nil
}

package ports

import (
	"context"
	"sync"
	"time"
)

// DisconnectedKey is the context key of a func() bool that reports whether the client of a request has disconnected.
type DisconnectedKey struct{}

// Disconnected reports whether the client of a request has disconnected. Queues drop such requests; work that has begun
// is completed. A context without the value counts as connected.
func Disconnected(ctx context.Context) bool {
	disconnected, ok := ctx.Value(DisconnectedKey{}).(func() bool)
	return ok && disconnected()
}

// SourceKey is the context key of a func() string that returns the network from which a request came, as
// domain.Origin.Network does. Shared resources are divided between networks.
type SourceKey struct{}

// SourceOf returns the network from which a request came. It is empty for jobs and for the command line.
func SourceOf(ctx context.Context) string {
	source, ok := ctx.Value(SourceKey{}).(func() string)
	if !ok {
		return ""
	}
	return source()
}

// StorageTimeKey is the context key of a *StorageTime.
type StorageTimeKey struct{}

// StorageTime measures how long the calls of a store take together for one request. A store whose calls can hang limits
// the sum: many calls that each end just within their own limit must not add up. Times of concurrent calls, and of
// calls within calls, count once.
type StorageTime struct {
	mu    sync.Mutex
	calls int // in progress
	since time.Time
	spent time.Duration
}

// Begin begins a call and returns the time that was spent before it.
func (t *StorageTime) Begin(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	spent := t.spent
	if t.calls++; t.calls == 1 {
		t.since = now
	} else {
		spent += now.Sub(t.since)
	}
	return spent
}

// End ends a call.
func (t *StorageTime) End(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls--; t.calls == 0 {
		t.spent += now.Sub(t.since)
	}
}

// StorageTimeOf returns the measurement of the request, nil for jobs, commands and long operations.
func StorageTimeOf(ctx context.Context) *StorageTime {
	t, _ := ctx.Value(StorageTimeKey{}).(*StorageTime)
	return t
}

// WithoutStorageTime returns a context of work that is not limited by the request that caused it.
func WithoutStorageTime(ctx context.Context) context.Context {
	return context.WithValue(ctx, StorageTimeKey{}, (*StorageTime)(nil))
}

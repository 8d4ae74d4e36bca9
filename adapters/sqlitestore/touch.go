package sqlitestore

import (
	"context"
	"maps"
	"sync"
	"time"
)

// touches contains activity times that are not written to the database yet.
type touches[K ~string] struct {
	mu    sync.Mutex
	times map[K]time.Time
}

func newTouches[K ~string]() *touches[K] { return &touches[K]{times: map[K]time.Time{}} }

// note records the time unless a later one is recorded.
func (t *touches[K]) note(key K, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.After(t.times[key]) {
		t.times[key] = at
	}
}

// latest returns the later of the given time and the recorded one.
func (t *touches[K]) latest(key K, at time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if noted := t.times[key]; noted.After(at) {
		return noted
	}
	return at
}

// flush writes the recorded times to the database. It removes them only after the commit, so that a concurrent reader
// finds each time in at least one of the two.
func (t *touches[K]) flush(ctx context.Context, w *writer, query string) error {
	t.mu.Lock()
	batch := maps.Clone(t.times)
	t.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := w.doSoft(ctx, func(x *tx) error {
		for key, at := range batch {
			if err := x.exec(query, at.UnixNano(), string(key), at.UnixNano()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, at := range batch {
		if t.times[key].Equal(at) {
			delete(t.times, key)
		}
	}
	return nil
}

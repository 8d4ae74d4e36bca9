package sqlitestore

import (
	"context"
	"maps"
	"sync"
	"time"
)

// touches are the activities that were noted and are not on disk yet.
type touches[K ~string] struct {
	mu    sync.Mutex
	times map[K]time.Time
}

func newTouches[K ~string]() *touches[K] { return &touches[K]{times: map[K]time.Time{}} }

// note keeps the later of the times.
func (t *touches[K]) note(key K, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.After(t.times[key]) {
		t.times[key] = at
	}
}

// latest returns the later of the time and what was noted.
func (t *touches[K]) latest(key K, at time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if noted := t.times[key]; noted.After(at) {
		return noted
	}
	return at
}

// flush writes what was noted. It stays noted until it is on disk, so that a reader in between sees one or the other.
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

package sqlitestore

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// RateLimiter implements ports.RateLimiter.
type RateLimiter struct{ s *Store }

// RateLimiter returns the store of rate limits.
func (s *Store) RateLimiter() *RateLimiter { return &RateLimiter{s} }

// maxRefusals is the maximum number of cached refusals.
const maxRefusals = 10_000

// refusals caches which rate limits are exhausted, and until when. Until the oldest request leaves the window only
// Release can release one. Therefore a flood of requests above a limit causes neither writes nor reads of the
// database.
type refusals struct {
	mu    sync.Mutex
	until map[refusal]time.Time
}

type refusal struct {
	key  string
	rate domain.Rate
}

func (r *refusals) get(key string, rate domain.Rate, now time.Time) (domain.RateState, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	until, ok := r.until[refusal{key, rate}]
	if !ok {
		return domain.RateState{}, false
	}
	if !now.Before(until) {
		delete(r.until, refusal{key, rate})
		return domain.RateState{}, false
	}
	return domain.RateState{Limit: rate.Limit, Reset: until.Sub(now)}, true
}

func (r *refusals) put(key string, rate domain.Rate, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.until) >= maxRefusals {
		clear(r.until)
	}
	r.until[refusal{key, rate}] = until
}

func (r *refusals) drop(key string, rate domain.Rate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.until, refusal{key, rate})
}

// Take counts one request of the key against the rate and reports whether it is allowed.
func (l *RateLimiter) Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error) {
	if rate.IsOff() {
		return domain.RateState{Allowed: true}, nil
	}
	if state, ok := l.s.refusals.get(key, rate, now); ok {
		return state, nil
	}
	var state domain.RateState
	// Soft, since a power failure of the machine does not help a client to exceed a limit.
	err := l.s.writer.doSoft(ctx, func(t *tx) error {
		var raw []byte
		var kept int64
		err := t.get(nil, "SELECT taken, expires FROM rates WHERE key = ?", []any{key}, &raw, &kept)
		if err != nil {
			return err
		}
		window := decodeWindow(raw)
		if state = window.Take(rate, now); !state.Allowed {
			until := now.Add(state.Reset)
			t.onCommit(func() { l.s.refusals.put(key, rate, until) }) // a failed batch loses its requests
			return nil
		}
		expires := keepUntil(window.Taken[len(window.Taken)-1].Add(rate.Window))
		if expires == kept {
			return t.exec("UPDATE rates SET taken = ? WHERE key = ?", encodeWindow(window), key)
		}
		return t.exec(
			"INSERT INTO rates (key, expires, taken) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires, "+
				"taken = excluded.taken",
			key, expires, encodeWindow(window))
	})
	if err != nil {
		return domain.RateState{}, err
	}
	return state, nil
}

// Release removes one request that was counted at the given time.
func (l *RateLimiter) Release(ctx context.Context, key string, rate domain.Rate, taken,
	now time.Time,
) (domain.RateState, error) {
	if rate.IsOff() {
		return domain.RateState{Allowed: true}, nil
	}
	var state domain.RateState
	err := l.s.writer.doSoft(ctx, func(t *tx) error { // soft as in Take: after a loss the request stays counted
		var raw []byte
		if err := t.get(nil, "SELECT taken FROM rates WHERE key = ?", []any{key}, &raw); err != nil {
			return err
		}
		window := decodeWindow(raw)
		before := len(window.Taken)
		if state = window.Release(rate, taken, now); len(window.Taken) == before {
			return nil
		}
		t.onCommit(func() { l.s.refusals.drop(key, rate) })
		return t.exec("UPDATE rates SET taken = ? WHERE key = ?", encodeWindow(window), key)
	})
	return state, err
}

// keepUntil returns the time from which a row may be deleted, rounded up so that most updates do not change the index.
func keepUntil(at time.Time) int64 { return stamp(at.Truncate(time.Hour).Add(time.Hour)) }

// encodeWindow encodes a window as its times in nanoseconds, eight bytes each.
func encodeWindow(w domain.RateWindow) []byte {
	raw := make([]byte, 0, 8*len(w.Taken))
	for _, at := range w.Taken {
		raw = binary.BigEndian.AppendUint64(raw, uint64(at.UnixNano()))
	}
	return raw
}

func decodeWindow(raw []byte) domain.RateWindow {
	var w domain.RateWindow
	for ; len(raw) >= 8; raw = raw[8:] {
		w.Taken = append(w.Taken, time.Unix(0, int64(binary.BigEndian.Uint64(raw))).UTC()) //nolint:gosec // keeps the sign bit
	}
	return w
}

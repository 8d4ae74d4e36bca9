package sqlitestore

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/adapters/records"
)

// monotonic returns a time for measuring durations.
func monotonic() time.Time { return time.Now() } //nolint:forbidigo // the configured clock may be set

// latestOf returns the later of the time and the noted one.
func latestOf[K ~string](a *records.Activity, key K, at time.Time) time.Time {
	if noted := a.Latest(string(key), 0); noted > 0 && time.Unix(0, noted).After(at) {
		return time.Unix(0, noted).UTC()
	}
	return at
}

// flushPause is the pause after a failed flush.
const flushPause = time.Second

// flushTouches writes activity periodically, and earlier if many notes wait, until ctx is canceled. After an error the
// notes stay until the next flush.
func (s *Store) flushTouches(ctx context.Context) {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.view.active.Filled():
		case <-s.view.used.Filled():
		}
		if s.view.flush(ctx) != nil {
			select {
			case <-ctx.Done():
			case <-time.After(flushPause):
			}
		}
	}
}

func (v *view) flush(ctx context.Context) error {
	return errors.Join(
		v.write(ctx, v.active, "UPDATE sessions SET last_activity_ns = ? WHERE id = ? AND last_activity_ns < ?"),
		v.write(ctx, v.used, "UPDATE api_keys SET last_used_ns = ? WHERE id = ? AND last_used_ns < ?"),
		v.s.attempts.flush(ctx, v.s.writer))
}

// write writes the notes in chunks, one transaction each, so that other writes do not wait long.
func (v *view) write(ctx context.Context, activity *records.Activity, query string) error {
	return activity.Flush(ctx, func(ctx context.Context, notes []records.Note) error {
		return v.s.writer.doSoft(ctx, func(t *tx) error {
			for _, n := range notes {
				if err := t.exec(query, n.At, n.ID, n.At); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

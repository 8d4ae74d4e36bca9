package sqlitestore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// sweepChunk is how many rows one write of a sweep removes, so that it holds nobody up for long.
const sweepChunk = 500

var _ ports.Maintenance = (*Store)(nil)

// pingFor is how long an answer of Ping counts. Probes come from anywhere: each must not cost a flush of the disk.
const pingFor = time.Second

// Ping returns nil when the store answers and takes writes, or did so within the last second.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.ErrStorage.Because(err)
	}
	if s.answered.Load() {
		return nil
	}
	err := s.writer.do(ctx, func(t *tx) error {
		return t.exec("UPDATE catalog SET version = version WHERE one = 1")
	})
	if err == nil && s.answered.CompareAndSwap(false, true) {
		time.AfterFunc(pingFor, func() { s.answered.Store(false) })
	}
	return err
}

// SweepExpired removes what has run out.
func (s *Store) SweepExpired(ctx context.Context, now time.Time) error {
	for _, query := range []string{
		"DELETE FROM attempts WHERE rowid IN (SELECT rowid FROM attempts WHERE expires <= ? ORDER BY expires LIMIT ?)",
		"DELETE FROM rates WHERE key IN (SELECT key FROM rates WHERE expires <= ? ORDER BY expires LIMIT ?)",
		"DELETE FROM once WHERE rowid IN (SELECT rowid FROM once WHERE expires <= ? ORDER BY expires LIMIT ?)",
		"DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency WHERE expires <= ? ORDER BY expires LIMIT ?)",
		"DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages WHERE expires <= ? ORDER BY expires LIMIT ?)",
	} {
		for more := true; more; {
			err := s.writer.do(ctx, func(t *tx) error {
				count, err := t.execCount(query, stamp(now), sweepChunk)
				more = count == sweepChunk
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

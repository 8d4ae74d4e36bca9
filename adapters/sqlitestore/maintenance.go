package sqlitestore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// sweepChunk is the maximum number of rows that one transaction of a sweep deletes, so that other writes do not wait
// long.
const sweepChunk = 500

// pingTTL is how long a successful Ping is reused. Any client can send probes, so a probe must not always cost a flush
// to the disk.
const pingTTL = time.Second

// Ping returns nil if the store accepts a write, or accepted one within the last second.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.ErrStorage.Because(err)
	}
	if s.pingOK.Load() {
		return nil
	}
	err := s.writer.do(ctx, func(t *tx) error {
		return t.exec("UPDATE catalog SET version = version WHERE one = 1")
	})
	if err == nil && s.pingOK.CompareAndSwap(false, true) {
		time.AfterFunc(pingTTL, func() { s.pingOK.Store(false) })
	}
	return err
}

// SweepExpired deletes expired attempts, rate limits, single-use values, idempotency records and messages.
func (s *Store) SweepExpired(ctx context.Context, now time.Time) error {
	for _, query := range []string{
		"DELETE FROM attempts WHERE rowid IN (SELECT rowid FROM attempts WHERE expires <= ? ORDER BY expires LIMIT 0+?)",
		"DELETE FROM rates WHERE key IN (SELECT key FROM rates WHERE expires <= ? ORDER BY expires LIMIT 0+?)",
		"DELETE FROM once WHERE rowid IN (SELECT rowid FROM once WHERE expires <= ? ORDER BY expires LIMIT 0+?)",
		"DELETE FROM idempotency WHERE rowid IN " +
			"(SELECT rowid FROM idempotency WHERE expires <= ? ORDER BY expires LIMIT 0+?)",
		"DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages WHERE expires <= ? ORDER BY expires LIMIT 0+?)",
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

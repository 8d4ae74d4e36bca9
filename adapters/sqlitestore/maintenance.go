package sqlitestore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/ports"
)

// sweepChunk is how many rows one write of a sweep removes, so that it holds nobody up for long.
const sweepChunk = 500

var _ ports.Maintenance = (*Store)(nil)

// Ping returns nil when the store answers and takes writes.
func (s *Store) Ping(ctx context.Context) error {
	return s.writer.do(ctx, func(t *tx) error {
		return t.exec("UPDATE catalog SET version = version WHERE one = 1")
	})
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

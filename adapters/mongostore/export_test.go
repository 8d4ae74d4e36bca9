package mongostore

import (
	"context"
	"time"
)

// SetSealClock replaces the monotonic clock of the lease of the audit log.
func (s *Store) SetSealClock(now func() time.Time) { s.sealing.now = now }

// RenewSchemaEvery sets the interval of renewals of the lease of a migration.
func (c *Config) RenewSchemaEvery(d time.Duration) { c.renewEvery = d }

// SetFewFound replaces the number of users that a search reads and sorts for one page.
func (s *Store) SetFewFound(n int64) { s.fewFound = n }

// SetCountWithin replaces the time limit of a count.
func (s *Store) SetCountWithin(d time.Duration) { s.countWithin = d }

// ConvertSearchBatch converts some users to the present format of the search.
func (s *Store) ConvertSearchBatch(ctx context.Context, size int64) (more bool, err error) {
	return s.convertBatch(ctx, size)
}

// FlushActivity writes the pending activity.
func (s *Store) FlushActivity(ctx context.Context) error { return s.flushTouches(ctx) }

// HeldActivity returns how many notes of sessions are in memory and how many were dropped.
func (s *Store) HeldActivity() (held int, dropped int64) { return s.touched.Size() }

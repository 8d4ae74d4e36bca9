package mongostore

import "time"

// SetSealClock replaces the monotonic clock of the lease of the audit log.
func (s *Store) SetSealClock(now func() time.Time) { s.sealing.now = now }

// RenewSchemaEvery sets the interval of renewals of the lease of a migration.
func (c *Config) RenewSchemaEvery(d time.Duration) { c.renewEvery = d }

package mongostore

import "time"

// SetSealClock replaces the monotonic clock of the lease of the audit log.
func (s *Store) SetSealClock(now func() time.Time) { s.sealing.now = now }

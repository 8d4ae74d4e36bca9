package sqlitestore

import "github.com/ostiary/ostiary/core/domain"

// writeOutbox writes the audit entries and messages of a change in the transaction of the change.
func (s *Store) writeOutbox(t *tx, out domain.Outbox) error {
	for i := range out.Entries {
		if err := s.appendEntry(t, &out.Entries[i]); err != nil {
			return err
		}
	}
	for _, m := range out.Messages {
		if err := insertMessage(t, m); err != nil {
			return err
		}
	}
	return nil
}

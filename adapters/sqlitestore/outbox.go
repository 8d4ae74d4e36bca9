package sqlitestore

import "github.com/ostiary/ostiary/core/domain"

// writeOutbox writes what leaves with a change, in its transaction.
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

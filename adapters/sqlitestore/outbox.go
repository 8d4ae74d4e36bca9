package sqlitestore

import (
	"errors"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// applyChange applies change to next, a copy of before, writes it with replace, and writes the outbox. It returns the
// record that is stored afterwards.
func applyChange[T any](s *Store, t *tx, before, next T, change ports.Change[T], replace func(*T) error) (T, error) {
	var none T
	var out domain.Outbox
	if err := change(&next, &out); errors.Is(err, domain.ErrUnchanged) {
		return before, nil
	} else if err != nil {
		return none, err
	}
	if err := replace(&next); err != nil {
		return none, err
	}
	return next, s.writeOutbox(t, out)
}

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

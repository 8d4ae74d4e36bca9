package sqlitestore

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// AttemptStore implements ports.AttemptStore.
type AttemptStore struct{ s *Store }

// AttemptStore returns the store of attempts.
func (s *Store) AttemptStore() *AttemptStore { return &AttemptStore{s} }

// Update applies change to the account's document, or to an empty document if none is stored. A change of pending
// attempts alone stays in memory until the next flush. Any other result is written to the database.
func (as *AttemptStore) Update(ctx context.Context, account string, now time.Time,
	change ports.Change[domain.Attempts],
) error {
	e, done, err := as.s.attempts.open(ctx, account)
	if err != nil {
		return err
	}
	defer done()
	next := e.doc.Clone()
	var out domain.Outbox
	if err := change(&next, &out); errors.Is(err, domain.ErrUnchanged) {
		return nil
	} else if err != nil {
		return err
	}
	volatile := len(out.Entries) == 0 && len(out.Messages) == 0 && onlyPendingDiffer(&e.stored, &next) &&
		!sameAttempts(&e.doc, &next)
	if !volatile {
		err := as.s.writer.do(ctx, func(t *tx) error {
			if err := writeAttempts(t, account, &next, now); err != nil {
				return err
			}
			return as.s.writeOutbox(t, out)
		})
		if err != nil {
			return err
		}
		e.stored = next.Clone()
	}
	e.doc, e.now = next, now
	return nil
}

// UpdateAsync applies change in memory until the next flush.
func (as *AttemptStore) UpdateAsync(account string, now time.Time, change func(*domain.Attempts)) {
	e, done, err := as.s.attempts.open(context.Background(), account)
	if err != nil {
		return // the document of a pending attempt is in memory, so there is nothing to release
	}
	defer done()
	next := e.doc.Clone()
	change(&next)
	e.doc, e.now = next, now
}

// Get returns the account's document, or an empty document if there is none.
func (as *AttemptStore) Get(ctx context.Context, account string) (domain.Attempts, error) {
	e, done, err := as.s.attempts.open(ctx, account)
	if err != nil {
		return domain.Attempts{}, err
	}
	defer done()
	if e.isClean() {
		return as.s.readAttempts(ctx, account) // a sweep may have deleted the row
	}
	return e.doc.Clone(), nil
}

// List returns the documents of these accounts that are stored in the database.
func (as *AttemptStore) List(ctx context.Context, accounts ...string) (map[string]domain.Attempts, error) {
	wanted, err := json.Marshal(accounts)
	if err != nil {
		return nil, err
	}
	found := map[string]domain.Attempts{}
	err = as.s.reads.each(ctx, func(rows rowScanner) error {
		var account, doc string
		if err := rows.Scan(&account, &doc); err != nil {
			return err
		}
		found[account], err = decodeAs(doc, (*records.Attempts).Domain)
		return err
	}, "SELECT account, doc FROM attempts WHERE account IN (SELECT value FROM json_each(?))", string(wanted))
	return found, err
}

func (s *Store) readAttempts(ctx context.Context, account string) (domain.Attempts, error) {
	var doc string
	err := s.reads.get(ctx, nil, "SELECT doc FROM attempts WHERE account = ?", []any{account}, &doc)
	if err != nil || doc == "" {
		return domain.Attempts{}, err
	}
	return decodeAs(doc, (*records.Attempts).Domain)
}

// writeAttempts stores the document. While the rounded expiry is unchanged, the write does not touch the expiry index.
func writeAttempts(t *tx, account string, a *domain.Attempts, now time.Time) error {
	doc, err := encode(records.NewAttempts(a))
	if err != nil {
		return err
	}
	expires := keepUntil(a.KeepUntil(now))
	count, err := t.execCount("UPDATE attempts SET doc = ? WHERE account = ? AND expires = ?", doc, account, expires)
	if err != nil || count > 0 {
		return err
	}
	return t.exec(
		"INSERT INTO attempts (account, expires, doc) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires = "+
			"excluded.expires, doc = excluded.doc",
		account, expires, doc)
}

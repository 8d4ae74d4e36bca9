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

// Guards implements ports.AttemptStore, ports.RateLimiter, ports.SingleUseStore, ports.IdempotencyStore and
// ports.AdminGuard.
type Guards struct{ s *Store }

// Guards returns the store of attempts, rate limits, single-use values, stored responses and administrators.
func (s *Store) Guards() *Guards { return &Guards{s} }

var (
	_ ports.AttemptStore     = (*Guards)(nil)
	_ ports.RateLimiter      = (*Guards)(nil)
	_ ports.SingleUseStore   = (*Guards)(nil)
	_ ports.IdempotencyStore = (*Guards)(nil)
	_ ports.AdminGuard       = (*Guards)(nil)
)

var errNoAttempts = errors.New("no attempts")

// UpdateAttempts applies change to the account's document, or to an empty document if none is stored, and writes the
// result to the database.
func (g *Guards) UpdateAttempts(ctx context.Context, account string, now time.Time, change ports.Change[domain.Attempts]) error {
	return g.s.attempts.change(ctx, account, now, func(e *attemptEntry, next *domain.Attempts) error {
		var out domain.Outbox
		if err := change(next, &out); err != nil {
			return err
		}
		err := g.s.writer.do(ctx, func(t *tx) error {
			if err := writeAttempts(t, account, next, now); err != nil {
				return err
			}
			return g.s.writeOutbox(t, out)
		})
		if err == nil {
			e.stored = next.Clone()
		}
		return err
	})
}

// HoldAttempts is a volatile UpdateAttempts: the change stays in memory until the next flush and is lost if the process
// crashes before.
func (g *Guards) HoldAttempts(ctx context.Context, account string, now time.Time, change ports.Change[domain.Attempts]) error {
	return g.s.attempts.change(ctx, account, now, func(_ *attemptEntry, next *domain.Attempts) error {
		var out domain.Outbox
		return change(next, &out)
	})
}

// EaseAttempts is an asynchronous HoldAttempts. It does not wait for the database, unless another goroutine is writing
// the document of the same account.
func (g *Guards) EaseAttempts(account string, now time.Time, change func(*domain.Attempts)) {
	g.s.attempts.updateAsync(account, now, change)
}

// GetAttempts returns the account's document, or an empty document if none is stored.
func (g *Guards) GetAttempts(ctx context.Context, account string) (domain.Attempts, error) {
	return g.s.attempts.get(ctx, account)
}

// ListAttempts returns the documents of these accounts that are stored in the database.
func (g *Guards) ListAttempts(ctx context.Context, accounts ...string) (map[string]domain.Attempts, error) {
	wanted, err := json.Marshal(accounts)
	if err != nil {
		return nil, err
	}
	found := map[string]domain.Attempts{}
	err = g.s.reads.each(ctx, func(rows rowScanner) error {
		var account, doc string
		if err := rows.Scan(&account, &doc); err != nil {
			return err
		}
		found[account], err = decodeAttempts(doc)
		return err
	}, "SELECT account, doc FROM attempts WHERE account IN (SELECT value FROM json_each(?))", string(wanted))
	return found, err
}

func (s *Store) readAttempts(ctx context.Context, account string) (domain.Attempts, error) {
	var doc string
	err := s.reads.get(ctx, errNoAttempts, "SELECT doc FROM attempts WHERE account = ?", []any{account}, &doc)
	if errors.Is(err, errNoAttempts) {
		return domain.Attempts{}, nil
	} else if err != nil {
		return domain.Attempts{}, err
	}
	return decodeAttempts(doc)
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
	return t.exec("INSERT INTO attempts (account, expires, doc) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires, doc = excluded.doc",
		account, expires, doc)
}

package sqlitestore

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Guards implements ports.AttemptStore, ports.RateLimiter, ports.OnceStore, ports.IdempotencyStore and ports.AdminGuard.
type Guards struct{ s *Store }

// Guards returns the store of counters and single-use things.
func (s *Store) Guards() *Guards { return &Guards{s} }

var (
	_ ports.AttemptStore     = (*Guards)(nil)
	_ ports.RateLimiter      = (*Guards)(nil)
	_ ports.OnceStore        = (*Guards)(nil)
	_ ports.IdempotencyStore = (*Guards)(nil)
	_ ports.AdminGuard       = (*Guards)(nil)
)

type attemptsRecord struct {
	Failures    []attemptRecord      `json:"failures,omitempty"`
	Familiar    map[string]time.Time `json:"familiar,omitempty"`
	Locks       map[string]time.Time `json:"locks,omitempty"`
	LockedUntil time.Time            `json:"locked_until,omitzero"`
}

type attemptRecord struct {
	ID      string    `json:"id"`
	Source  string    `json:"source"`
	At      time.Time `json:"at"`
	Pending bool      `json:"pending,omitempty"`
	Settled bool      `json:"settled,omitempty"`
}

func encodeAttempts(a *domain.Attempts) (string, error) {
	r := attemptsRecord{Familiar: a.Familiar, Locks: a.Locks, LockedUntil: a.LockedUntil}
	for _, f := range a.Failures {
		r.Failures = append(r.Failures, attemptRecord(f))
	}
	return encode(r)
}

func decodeAttempts(doc string) (domain.Attempts, error) {
	var r attemptsRecord
	if err := decode(doc, &r); err != nil {
		return domain.Attempts{}, err
	}
	a := domain.Attempts{Familiar: r.Familiar, Locks: r.Locks, LockedUntil: r.LockedUntil}
	for _, f := range r.Failures {
		a.Failures = append(a.Failures, domain.Attempt(f))
	}
	return a, nil
}

var errNoAttempts = errors.New("no attempts")

// UpdateAttempts applies change to the account's document, an empty one where there is none.
func (g *Guards) UpdateAttempts(ctx context.Context, account string, now time.Time, change ports.Change[domain.Attempts]) error {
	return g.s.writer.do(ctx, func(t *tx) error {
		var doc string
		var kept int64
		var attempts domain.Attempts
		err := t.get(errNoAttempts, "SELECT doc, expires FROM attempts WHERE account = ?", []any{account}, &doc, &kept)
		if err == nil {
			attempts, err = decodeAttempts(doc)
		}
		if err != nil && !errors.Is(err, errNoAttempts) {
			return err
		}
		var out domain.Outbox
		if err := change(&attempts, &out); errors.Is(err, domain.ErrUnchanged) {
			return nil
		} else if err != nil {
			return err
		}
		if doc, err = encodeAttempts(&attempts); err != nil {
			return err
		}
		if expires := keepUntil(attempts.KeepUntil(now)); expires == kept {
			err = t.exec("UPDATE attempts SET doc = ? WHERE account = ?", doc, account)
		} else {
			err = t.exec("INSERT INTO attempts (account, expires, doc) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires, doc = excluded.doc",
				account, expires, doc)
		}
		if err != nil {
			return err
		}
		return g.s.writeOutbox(t, out)
	})
}

// GetAttempts returns the account's document, an empty one where there is none.
func (g *Guards) GetAttempts(ctx context.Context, account string) (domain.Attempts, error) {
	var doc string
	err := g.s.reads.get(ctx, errNoAttempts, "SELECT doc FROM attempts WHERE account = ?", []any{account}, &doc)
	if errors.Is(err, errNoAttempts) {
		return domain.Attempts{}, nil
	} else if err != nil {
		return domain.Attempts{}, err
	}
	return decodeAttempts(doc)
}

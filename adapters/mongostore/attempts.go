package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

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

// attemptsDocument is an account's document with when it may go.
type attemptsDocument struct {
	domain.Attempts `bson:",inline"`
	KeptUntil       time.Time
}

// sweepAt is a time as sweeping knows it: a date, never before the time itself.
func sweepAt(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return bson.NewDateTimeFromTime(t.Add(time.Millisecond - 1))
}

// UpdateAttempts applies change to the account's document, an empty one where there is none.
func (g *Guards) UpdateAttempts(ctx context.Context, account string, now time.Time, change ports.Change[domain.Attempts]) error {
	_, err := g.s.attempts.update(ctx, account, func(a *attemptsDocument, out *domain.Outbox) error {
		err := change(&a.Attempts, out)
		a.KeptUntil = a.KeepUntil(now)
		return err
	})
	return err
}

// GetAttempts returns the account's document, an empty one where there is none.
func (g *Guards) GetAttempts(ctx context.Context, account string) (domain.Attempts, error) {
	a, err := g.s.attempts.byID(ctx, account)
	return a.Attempts, err
}

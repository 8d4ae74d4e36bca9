package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

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

// accountAttempts is what was tried against an account, with when it may be removed.
type accountAttempts struct {
	domain.Attempts
	KeptUntil time.Time
}

// sweepAt is a time as sweeping knows it: a date, never before the time itself.
func sweepAt(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return bson.NewDateTimeFromTime(t.Add(time.Millisecond - 1))
}

// UpdateAttempts applies change to the account's document, an empty one where there is none. What was eased before goes first,
// in the same write.
func (g *Guards) UpdateAttempts(ctx context.Context, account string, now time.Time, change ports.Change[domain.Attempts]) error {
	done, err := g.s.turns.take(ctx, easedKey(account))
	if err != nil {
		return err
	}
	defer done()
	eased, wrote := g.s.eased.of(account), false
	_, err = g.s.attempts.update(ctx, account, func(a *accountAttempts, out *domain.Outbox) error {
		eased.apply(&a.Attempts)
		err := change(&a.Attempts, out)
		a.KeptUntil, wrote = a.KeepUntil(now), err == nil
		return err
	})
	if err == nil && wrote {
		g.s.eased.written(account, eased)
	}
	return err
}

// HoldAttempts is UpdateAttempts: other nodes have to see it.
func (g *Guards) HoldAttempts(ctx context.Context, account string, now time.Time, change ports.Change[domain.Attempts]) error {
	return g.UpdateAttempts(ctx, account, now, change)
}

// EaseAttempts has the change applied before the next one of this node, or by itself a little later.
func (g *Guards) EaseAttempts(account string, now time.Time, change func(*domain.Attempts)) {
	g.s.eased.add(account, now, change)
}

// GetAttempts returns the account's document, an empty one where there is none.
func (g *Guards) GetAttempts(ctx context.Context, account string) (domain.Attempts, error) {
	eased := g.s.eased.of(account)
	a, err := g.s.attempts.byID(ctx, account)
	if err == nil {
		eased.apply(&a.Attempts)
	}
	return a.Attempts, err
}

// ListAttempts returns the documents of these accounts that there are.
func (g *Guards) ListAttempts(ctx context.Context, accounts ...string) (map[string]domain.Attempts, error) {
	if len(accounts) == 0 {
		return map[string]domain.Attempts{}, nil
	}
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	table := g.s.attempts
	cursor, err := table.coll.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: accounts}}}}, options.Find().SetProjection(hidden))
	if err != nil {
		return nil, failed("listing attempts", err)
	}
	var records []record
	if err := cursor.All(ctx, &records); err != nil {
		return nil, failed("listing attempts", err)
	}
	found := make(map[string]domain.Attempts, len(records))
	for _, r := range records {
		a, err := table.thing(r)
		if err != nil {
			return nil, err
		}
		found[r.ID] = a.Attempts
	}
	return found, nil
}

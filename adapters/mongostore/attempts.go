package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Guards implements ports.AttemptStore, ports.RateLimiter, ports.SingleUseStore, ports.IdempotencyStore and
// ports.AdminGuard.
type Guards struct{ s *Store }

// Guards returns the store of counters and single-use tokens.
func (s *Store) Guards() *Guards { return &Guards{s} }

var (
	_ ports.AttemptStore     = (*Guards)(nil)
	_ ports.RateLimiter      = (*Guards)(nil)
	_ ports.SingleUseStore   = (*Guards)(nil)
	_ ports.IdempotencyStore = (*Guards)(nil)
	_ ports.AdminGuard       = (*Guards)(nil)
)

// accountAttempts holds the login attempts on an account and the time at which the document may be removed.
type accountAttempts struct {
	domain.Attempts
	KeptUntil time.Time
}

// sweepAt returns t as a BSON date for the TTL index, rounded up so that it is never before t.
func sweepAt(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return bson.NewDateTimeFromTime(t.Add(time.Millisecond - 1))
}

// UpdateAttempts applies change to the account's document, or to an empty one if there is none. Queued asynchronous
// updates are applied first, in the same write.
func (g *Guards) UpdateAttempts(ctx context.Context, account string, now time.Time, change ports.Change[domain.Attempts]) error {
	done, err := g.s.locks.lock(ctx, asyncKey(account))
	if err != nil {
		return err
	}
	defer done()
	queued, wrote := g.s.async.of(account), false
	_, err = g.s.attempts.update(ctx, account, func(a *accountAttempts, out *domain.Outbox) error {
		queued.apply(&a.Attempts)
		err := change(&a.Attempts, out)
		a.KeptUntil, wrote = a.KeepUntil(now), err == nil
		return err
	})
	if err == nil && wrote {
		g.s.async.written(account, queued)
	}
	return err
}

// HoldAttempts is UpdateAttempts: other nodes need to see the change.
func (g *Guards) HoldAttempts(ctx context.Context, account string, now time.Time, change ports.Change[domain.Attempts]) error {
	return g.UpdateAttempts(ctx, account, now, change)
}

// EaseAttempts queues change. It is written with the next update of the account by this node, or by itself after a
// short delay.
func (g *Guards) EaseAttempts(account string, now time.Time, change func(*domain.Attempts)) {
	g.s.async.add(account, now, change)
}

// GetAttempts returns the account's document, or an empty one if there is none.
func (g *Guards) GetAttempts(ctx context.Context, account string) (domain.Attempts, error) {
	queued := g.s.async.of(account)
	a, err := g.s.attempts.byID(ctx, account)
	if err == nil {
		queued.apply(&a.Attempts)
	}
	return a.Attempts, err
}

// ListAttempts returns the stored documents of the accounts.
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
		a, err := table.entity(r)
		if err != nil {
			return nil, err
		}
		found[r.ID] = a.Attempts
	}
	return found, nil
}

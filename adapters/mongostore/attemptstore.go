package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// AttemptStore implements ports.AttemptStore.
type AttemptStore struct{ s *Store }

// AttemptStore returns the store of attempts.
func (s *Store) AttemptStore() *AttemptStore { return &AttemptStore{s} }

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

// Update applies change to the account's document, or to an empty one if there is none. It waits for asynchronous
// updates of the account by this node.
func (as *AttemptStore) Update(ctx context.Context, account string, now time.Time,
	change ports.Change[domain.Attempts],
) error {
	done, err := as.s.locks.lock(ctx, attemptsName+account)
	if err != nil {
		return err
	}
	defer done()
	return as.update(ctx, account, now, change)
}

func (as *AttemptStore) update(ctx context.Context, account string, now time.Time,
	change ports.Change[domain.Attempts],
) error {
	_, err := as.s.attempts.update(ctx, account, func(a *accountAttempts, out *domain.Outbox) error {
		err := change(&a.Attempts, out)
		a.KeptUntil = a.KeepUntil(now)
		return err
	})
	return err
}

// UpdateAsync writes the change in the background, which saves a sign-in a round trip.
func (as *AttemptStore) UpdateAsync(account string, now time.Time, change func(*domain.Attempts)) {
	ctx := context.Background()
	done, err := as.s.locks.lock(ctx, attemptsName+account)
	if err != nil {
		return // unreachable: the context is never canceled
	}
	as.s.jobs.Go(func() {
		defer done()
		_ = as.update(ctx, account, now, func(a *domain.Attempts, _ *domain.Outbox) error {
			change(a)
			return nil
		})
	})
}

// Get returns the account's document, or an empty one if there is none.
func (as *AttemptStore) Get(ctx context.Context, account string) (domain.Attempts, error) {
	done, err := as.s.locks.lock(ctx, attemptsName+account)
	if err != nil {
		return domain.Attempts{}, err
	}
	defer done()
	a, err := as.s.attempts.byID(ctx, account)
	return a.Attempts, err
}

// List returns the stored documents of the accounts.
func (as *AttemptStore) List(ctx context.Context, accounts ...string) (map[string]domain.Attempts, error) {
	found := make(map[string]domain.Attempts, len(accounts))
	if len(accounts) == 0 {
		return found, nil
	}
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: accounts}}}}
	records, err := as.s.attempts.records(ctx, filter, options.Find())
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		a, err := as.s.attempts.entity(r)
		if err != nil {
			return nil, err
		}
		found[r.ID] = a.Attempts
	}
	return found, nil
}

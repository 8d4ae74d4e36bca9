package factor

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

const (
	// source is the one source that all codes of a user count for: the six digits of a person are the same from wherever they
	// are guessed, and only who knows the password gets this far.
	source = "factor"
	// ticketPrefix starts the ids of reserved attempts.
	ticketPrefix = "try_"
	// busyFor and busyStep say how long, and how often, a code waits while others of the same user are looked at.
	busyFor  = 2 * time.Second
	busyStep = 20 * time.Millisecond
)

// ticket is one reserved attempt: it counted before the code was looked at.
type ticket struct {
	checker *Checker
	by      domain.Principal
	user    domain.UserID
	key     string
	id      string
}

// AttemptsKey returns the key under which the attempts of a user's second factor are counted.
func AttemptsKey(id domain.UserID) string { return "factor:" + string(id) }

func (c *Checker) reserve(ctx context.Context, by domain.Principal, user *domain.User) (*ticket, error) {
	catalog, err := c.catalog.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	t := &ticket{checker: c, by: by, user: user.ID, key: AttemptsKey(user.ID), id: c.ids.NewID(ticketPrefix)}
	for waited := time.Duration(0); ; waited += busyStep {
		answer, err := t.ask(ctx, catalog.Settings.Lockout)
		if err != nil || answer == domain.AttemptGranted {
			return t, err
		}
		if waited >= busyFor {
			return nil, fault.ErrRateLimited.After(time.Second)
		}
		if err := pause(ctx, busyStep); err != nil {
			return nil, err
		}
	}
}

func (t *ticket) ask(ctx context.Context, policy domain.LockoutPolicy) (answer domain.Reservation, err error) {
	now := t.checker.clock.Now()
	var until time.Time
	err = t.checker.attempts.UpdateAttempts(ctx, t.key, now, func(a *domain.Attempts, _ *domain.Outbox) error {
		if answer, until = a.Reserve(t.id, source, policy, now); answer != domain.AttemptGranted {
			return domain.ErrUnchanged // a refusal costs no write
		}
		return nil
	})
	if err == nil && answer == domain.AttemptLocked {
		err = domain.ErrAccountLocked.With("locked_until", until).After(until.Sub(now))
	}
	return answer, err
}

// settle tells how the attempt ended. Nothing was learnt from an error that is no wrong code, so that one does not count.
func (t *ticket) settle(ctx context.Context, outcome error) error {
	// The end is told even when the caller has gone, or their place would stay taken.
	ctx = context.WithoutCancel(ctx)
	catalog, err := t.checker.catalog.Catalog(ctx)
	if err != nil {
		return errors.Join(outcome, err)
	}
	now := t.checker.clock.Now()
	err = t.checker.attempts.UpdateAttempts(ctx, t.key, now, func(a *domain.Attempts, out *domain.Outbox) error {
		switch {
		case outcome == nil:
			a.Succeed(t.id, source, now)
		case !isWrongCode(outcome):
			a.GiveBack(t.id)
		case a.Fail(t.id, source, catalog.Settings.Lockout, now):
			out.Record(t.checker.journal.Entry(t.by, domain.ActionAccountLocked, string(t.user),
				audit.ActedBy(t.user), audit.Detail("factor", true)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return outcome
}

func isWrongCode(err error) bool {
	return errors.Is(err, domain.ErrTwoFactorLogin) || errors.Is(err, domain.ErrTwoFactorCode)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Package lockout limits password guessing: it bounds the attempts to verify a secret that people choose.
//
// An attempt is reserved before any check, so that concurrent attempts never get more checks than allowed, and is ended
// with its outcome. domain.Attempts defines the rules of counting. Every code path that verifies such a secret goes
// through this package, so that no path bypasses the limit of another.
package lockout

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// busyFor is how long an attempt waits for a running attempt to be released: concurrent correct logins are not an
	// attack, and an attacker gains nothing by waiting. It is as long as other requests wait for a processor.
	busyFor = 10 * time.Second
	// busyStep is the first interval between retries, and busyMost the last.
	busyStep = 20 * time.Millisecond
	busyMost = 200 * time.Millisecond
)

// Lockout limits the attempts to verify a secret.
type Lockout struct {
	store ports.AttemptStore
	ids   ports.IDs
	clock ports.Clock
}

// New returns a Lockout over the store.
func New(store ports.AttemptStore, ids ports.IDs, clock ports.Clock) *Lockout {
	return &Lockout{store: store, ids: ids, clock: clock}
}

// Attempt is one reserved attempt. Exactly one of Fail, Succeed and Release ends it; an attempt that is never ended
// counts as failed.
type Attempt struct {
	lockout *Lockout
	account string
	id      string
	source  string
	policy  domain.LockoutPolicy
	clean   bool // the source had no counted failures when the attempt was reserved
}

// AccountOf returns the account that a user's attempts count against.
func AccountOf(id domain.UserID) string { return domain.AttemptAccount(id) }

// AccountOfName returns the account that attempts on an unknown name count against.
func AccountOfName(key string) string { return domain.AttemptAccountOfName(key) }

// Reserve reserves one attempt on the account from the source. After too many attempts it is domain.ErrAccountLocked,
// with locked_until.
func (l *Lockout) Reserve(ctx context.Context, account, source string, policy domain.LockoutPolicy) (*Attempt, error) {
	a := &Attempt{lockout: l, account: account, id: l.ids.NewID("try_"), source: source, policy: policy}
	step := busyStep
	for waited := time.Duration(0); ; waited += step {
		var answer domain.Reservation
		var until time.Time
		now := l.clock.Now()
		err := l.store.Update(ctx, account, now, func(doc *domain.Attempts, _ *domain.Outbox) error {
			answer, until = doc.Reserve(a.id, a.source, policy, now)
			if answer != domain.AttemptGranted {
				return domain.ErrUnchanged
			}
			a.clean = doc.HasNoFailures(source, now)
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case answer == domain.AttemptGranted:
			return a, nil
		case answer == domain.AttemptLocked:
			return nil, Locked(until, now)
		case waited >= busyFor:
			return nil, fault.ErrOverloaded.After(time.Second)
		}
		step = min(busyMost, step+busyStep/4)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(step):
		}
	}
}

// Locked returns domain.ErrAccountLocked with the end of the lock; a zero time means that the end is not known.
func Locked(until, now time.Time) error {
	if until.IsZero() {
		return domain.ErrAccountLocked.With("locked_until", nil)
	}
	return domain.ErrAccountLocked.With("locked_until", until.UTC().Format(time.RFC3339)).After(until.Sub(now))
}

// Fail counts the attempt as failed, with the audit entries in the same write; if the failure locks, lock adds to that
// write. The outcome is recorded even if the client has disconnected; otherwise the attempt would stay reserved.
func (a *Attempt) Fail(ctx context.Context, lock func(*domain.Outbox), entries ...domain.AuditEntry) error {
	ctx = context.WithoutCancel(ctx)
	now := a.lockout.clock.Now()
	return a.lockout.store.Update(ctx, a.account, now, func(doc *domain.Attempts, out *domain.Outbox) error {
		out.Record(entries...)
		if doc.Fail(a.id, a.source, a.policy, now) {
			lock(out)
		}
		return nil
	})
}

// Succeed resets the count of the source. If nothing was counted, the update is asynchronous. Otherwise suspect, if
// there is one, adds to the write of a success that followed the given number of failed attempts.
func (a *Attempt) Succeed(ctx context.Context, suspect func(failures int, out *domain.Outbox) error) error {
	ctx = context.WithoutCancel(ctx)
	now := a.lockout.clock.Now()
	if a.clean {
		a.lockout.store.UpdateAsync(a.account, now, func(doc *domain.Attempts) { doc.ResetSource(a.id, a.source, now) })
		return nil
	}
	return a.lockout.store.Update(ctx, a.account, now, func(doc *domain.Attempts, out *domain.Outbox) error {
		failures := doc.FailedBefore(a.source, now)
		doc.Succeed(a.id, a.source, now)
		if suspect == nil {
			return nil
		}
		return suspect(failures, out)
	})
}

// Release releases the attempt, with the audit entries in the same write. Without entries it is asynchronous and cannot
// fail.
func (a *Attempt) Release(ctx context.Context, entries ...domain.AuditEntry) error {
	now := a.lockout.clock.Now()
	if len(entries) == 0 {
		a.lockout.store.UpdateAsync(a.account, now, func(doc *domain.Attempts) { doc.Release(a.id) })
		return nil
	}
	return a.lockout.store.Update(context.WithoutCancel(ctx), a.account, now,
		func(doc *domain.Attempts, out *domain.Outbox) error {
			doc.Release(a.id)
			out.Record(entries...)
			return nil
		})
}

// LatestLocks returns the latest end of a lock in force for each of the accounts that is locked, in one query.
func (l *Lockout) LatestLocks(ctx context.Context, policy domain.LockoutPolicy,
	accounts ...string,
) (map[string]time.Time, error) {
	found, err := l.store.List(ctx, accounts...)
	if err != nil {
		return nil, err
	}
	now, locks := l.clock.Now(), map[string]time.Time{}
	for account, a := range found {
		if until := a.LatestLock(policy, now); !until.IsZero() {
			locks[account] = until
		}
	}
	return locks, nil
}

// Unlock removes the failures of an account, with the audit entries in the same write.
func (l *Lockout) Unlock(ctx context.Context, account string, entries ...domain.AuditEntry) error {
	return l.store.Update(ctx, account, l.clock.Now(), func(doc *domain.Attempts, out *domain.Outbox) error {
		if !doc.Unlock() && len(entries) == 0 {
			return domain.ErrUnchanged
		}
		out.Record(entries...)
		return nil
	})
}

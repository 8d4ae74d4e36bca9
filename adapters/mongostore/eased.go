package mongostore

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// easeAfter is how long an eased change waits for company.
	easeAfter = 100 * time.Millisecond
	// maxEased is how many may wait. Beyond it, as when the database is away, an attempt stays what it was: reserved.
	maxEased = 10_000
	// easedAtOnce is how many accounts are written at the same time.
	easedAtOnce = 8
)

// easing is what waits to be written for one account.
type easing struct {
	changes []func(*domain.Attempts)
	now     time.Time
}

func (e easing) apply(a *domain.Attempts) {
	for _, change := range e.changes {
		change(a)
	}
}

// easings hold changes of attempts that nobody waits for. Most are about a reservation of a moment ago, and the next attempt on
// the account takes them along.
type easings struct {
	mu      sync.Mutex
	waiting map[string]easing
	count   int
	some    chan struct{} // holds one item when something waits
}

func newEasings() *easings {
	return &easings{waiting: map[string]easing{}, some: make(chan struct{}, 1)}
}

func easedKey(account string) string { return "eased/" + account }

func (e *easings) add(account string, now time.Time, change func(*domain.Attempts)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.count == maxEased {
		return
	}
	e.count++
	waiting := e.waiting[account]
	e.waiting[account] = easing{changes: append(waiting.changes, change), now: now}
	e.wake()
}

func (e *easings) wake() {
	select {
	case e.some <- struct{}{}:
	default:
	}
}

// again wakes the writer for what has come since, or could not be written.
func (e *easings) again() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.count > 0 {
		e.wake()
	}
}

// of returns what waits for the account.
func (e *easings) of(account string) easing {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.waiting[account]
}

// written takes off what was written; more may have come since.
func (e *easings) written(account string, done easing) {
	if len(done.changes) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count -= len(done.changes)
	rest := e.waiting[account]
	if rest.changes = rest.changes[len(done.changes):]; len(rest.changes) == 0 {
		delete(e.waiting, account)
		return
	}
	e.waiting[account] = rest
}

func (e *easings) accounts() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	accounts := make([]string, 0, len(e.waiting))
	for account := range e.waiting {
		accounts = append(accounts, account)
	}
	return accounts
}

// writeEased writes what waits, a moment after the first of it has come.
func (s *Store) writeEased(ctx context.Context) {
	timer := time.NewTimer(easeAfter)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.eased.some:
		}
		timer.Reset(easeAfter)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			s.flushEased(ctx)
			s.eased.again()
		}
	}
}

// flushEased writes what waits; what could not be written goes on waiting.
func (s *Store) flushEased(ctx context.Context) {
	places := make(chan struct{}, easedAtOnce)
	var all sync.WaitGroup
	for _, account := range s.eased.accounts() {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			_ = s.ease(ctx, account)
		})
	}
	all.Wait()
}

func (s *Store) ease(ctx context.Context, account string) error {
	done, err := s.turns.take(ctx, easedKey(account))
	if err != nil {
		return err
	}
	defer done()
	eased := s.eased.of(account)
	if len(eased.changes) == 0 {
		return nil
	}
	_, err = s.attempts.update(ctx, account, func(a *accountAttempts, _ *domain.Outbox) error {
		before := a.Clone()
		eased.apply(&a.Attempts)
		if after := a.Clone(); reflect.DeepEqual(before, after) {
			return domain.ErrUnchanged // a purge has been here
		}
		a.KeptUntil = a.KeepUntil(eased.now)
		return nil
	})
	if err == nil {
		s.eased.written(account, eased)
	}
	return err
}

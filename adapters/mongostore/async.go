package mongostore

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// asyncDelay is the delay before queued updates are written, so that several are written together.
	asyncDelay = 100 * time.Millisecond
	// maxAsync is the maximum number of queued updates. Beyond it, for example during an outage of the database,
	// further updates are dropped and the attempts stay reserved.
	maxAsync = 10_000
	// asyncWorkers is the number of accounts written concurrently.
	asyncWorkers = 8
)

// asyncUpdates holds the queued updates of one account.
type asyncUpdates struct {
	changes []func(*domain.Attempts)
	now     time.Time
}

func (u asyncUpdates) apply(a *domain.Attempts) {
	for _, change := range u.changes {
		change(a)
	}
}

// asyncQueue is the queue of asynchronous updates of attempts, which no request waits for. Most concern a recent
// reservation, and the next attempt on the account writes them as well.
type asyncQueue struct {
	mu      sync.Mutex
	waiting map[string]asyncUpdates
	count   int
	ready   chan struct{} // holds one item while updates are queued
}

func newAsyncQueue() *asyncQueue {
	return &asyncQueue{waiting: map[string]asyncUpdates{}, ready: make(chan struct{}, 1)}
}

func asyncKey(account string) string { return "async/" + account }

func (q *asyncQueue) add(account string, now time.Time, change func(*domain.Attempts)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count == maxAsync {
		return
	}
	q.count++
	waiting := q.waiting[account]
	q.waiting[account] = asyncUpdates{changes: append(waiting.changes, change), now: now}
	q.wake()
}

func (q *asyncQueue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// wakeIfQueued wakes the writer if updates were queued meanwhile or could not be written.
func (q *asyncQueue) wakeIfQueued() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count > 0 {
		q.wake()
	}
}

// of returns the queued updates of the account.
func (q *asyncQueue) of(account string) asyncUpdates {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting[account]
}

// written removes written updates from the queue. Updates queued since then stay.
func (q *asyncQueue) written(account string, done asyncUpdates) {
	if len(done.changes) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count -= len(done.changes)
	rest := q.waiting[account]
	if rest.changes = rest.changes[len(done.changes):]; len(rest.changes) == 0 {
		delete(q.waiting, account)
		return
	}
	q.waiting[account] = rest
}

func (q *asyncQueue) accounts() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	accounts := make([]string, 0, len(q.waiting))
	for account := range q.waiting {
		accounts = append(accounts, account)
	}
	return accounts
}

// writeAsync writes the queued updates, a short delay after the first one was queued.
func (s *Store) writeAsync(ctx context.Context) {
	timer := time.NewTimer(asyncDelay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.async.ready:
		}
		timer.Reset(asyncDelay)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			s.flushAsync(ctx)
			s.async.wakeIfQueued()
		}
	}
}

// flushAsync writes the queued updates. Updates that could not be written stay queued.
func (s *Store) flushAsync(ctx context.Context) {
	workers := make(chan struct{}, asyncWorkers)
	var all sync.WaitGroup
	for _, account := range s.async.accounts() {
		workers <- struct{}{}
		all.Go(func() {
			defer func() { <-workers }()
			_ = s.applyAsync(ctx, account)
		})
	}
	all.Wait()
}

func (s *Store) applyAsync(ctx context.Context, account string) error {
	done, err := s.locks.lock(ctx, asyncKey(account))
	if err != nil {
		return err
	}
	defer done()
	queued := s.async.of(account)
	if len(queued.changes) == 0 {
		return nil
	}
	_, err = s.attempts.update(ctx, account, func(a *accountAttempts, _ *domain.Outbox) error {
		before := a.Clone()
		queued.apply(&a.Attempts)
		if after := a.Clone(); reflect.DeepEqual(before, after) {
			return domain.ErrUnchanged // the account was purged
		}
		a.KeptUntil = a.KeepUntil(queued.now)
		return nil
	})
	if err == nil {
		s.async.written(account, queued)
	}
	return err
}

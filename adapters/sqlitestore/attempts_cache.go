package sqlitestore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// maxEntries is the number of accounts whose attempts are cached. Entries that are in use or have unwritten changes may
// exceed it.
const maxEntries = 4096

// attemptCache caches the attempts of the accounts that users sign in to. Reserving and releasing an attempt, the most
// frequent updates, change only the cache. A result that a response reports, such as a failed attempt, is written to
// the database before the response is sent.
type attemptCache struct {
	read    func(ctx context.Context, account string) (domain.Attempts, error)
	mu      sync.Mutex
	entries map[string]*attemptEntry
}

// attemptEntry is the cached document of one account.
type attemptEntry struct {
	refs  int           // goroutines that use the entry; guarded by the mutex of the cache
	token chan struct{} // contains one item while the fields below are unlocked

	loaded   bool
	doc      domain.Attempts
	stored   domain.Attempts // as stored in the database
	now      time.Time       // time of the last change
	deferred []func(*domain.Attempts)
}

func newAttemptCache(s *Store) *attemptCache {
	return &attemptCache{read: s.readAttempts, entries: map[string]*attemptEntry{}}
}

// open locks the account's entry and returns it. The caller calls done to unlock it.
func (c *attemptCache) open(ctx context.Context, account string) (e *attemptEntry, done func(), err error) {
	c.mu.Lock()
	e, ok := c.entries[account]
	if !ok {
		e = &attemptEntry{token: make(chan struct{}, 1)}
		e.token <- struct{}{}
		c.entries[account] = e
	}
	e.refs++
	c.mu.Unlock()
	select {
	case <-e.token:
		return e, func() { e.token <- struct{}{}; c.leave(e) }, nil
	case <-ctx.Done():
		c.leave(e)
		return nil, nil, fault.ErrStorage.Because(ctx.Err())
	}
}

// leave ends the use of the entry. When the cache is full it evicts one unused entry that has no unwritten changes.
func (c *attemptCache) leave(e *attemptEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.refs--
	if len(c.entries) <= maxEntries {
		return
	}
	tried := 0
	for account, other := range c.entries { // in random order
		if other.refs == 0 && other.isClean() {
			delete(c.entries, account)
			return
		}
		if tried++; tried == 8 {
			return
		}
	}
}

func (e *attemptEntry) isClean() bool { return len(e.deferred) == 0 && sameAttempts(&e.doc, &e.stored) }

func (c *attemptCache) load(ctx context.Context, account string, e *attemptEntry) error {
	if e.loaded {
		return nil
	}
	doc, err := c.read(ctx, account)
	if err != nil {
		return err
	}
	e.doc, e.stored, e.loaded = doc, doc.Clone(), true
	for _, change := range e.deferred {
		change(&e.doc)
	}
	e.deferred = nil
	return nil
}

// change runs run on a copy of the document and then replaces the document by the copy.
func (c *attemptCache) change(ctx context.Context, account string, now time.Time, run func(*attemptEntry, *domain.Attempts) error) error {
	e, done, err := c.open(ctx, account)
	if err != nil {
		return err
	}
	defer done()
	if err := c.load(ctx, account, e); err != nil {
		return err
	}
	next := e.doc.Clone()
	if err := run(e, &next); errors.Is(err, domain.ErrUnchanged) {
		return nil
	} else if err != nil {
		return err
	}
	e.doc, e.now = next, now
	return nil
}

func (c *attemptCache) updateAsync(account string, now time.Time, change func(*domain.Attempts)) {
	ctx := context.Background()
	e, done, err := c.open(ctx, account)
	if err != nil {
		return // unreachable: the context is never canceled
	}
	defer done()
	e.now = now
	if c.load(ctx, account, e) != nil {
		e.deferred = append(e.deferred, change) // applied when the document can be read
		return
	}
	next := e.doc.Clone()
	change(&next)
	e.doc = next
}

// get returns the cached document if it has unwritten changes, and reads the database otherwise.
func (c *attemptCache) get(ctx context.Context, account string) (domain.Attempts, error) {
	e, done, err := c.open(ctx, account)
	if err != nil {
		return domain.Attempts{}, err
	}
	defer done()
	if e.loaded && !e.isClean() {
		return e.doc.Clone(), nil
	}
	return c.read(ctx, account)
}

// flush writes all unwritten changes to the database.
func (c *attemptCache) flush(ctx context.Context, w *writer) error {
	c.mu.Lock()
	accounts := slices.Collect(maps.Keys(c.entries))
	c.mu.Unlock()
	for _, account := range accounts {
		if err := c.flushOne(ctx, w, account); err != nil {
			return err
		}
	}
	return nil
}

func (c *attemptCache) flushOne(ctx context.Context, w *writer, account string) error {
	e, done, err := c.open(ctx, account)
	if err != nil {
		return err
	}
	defer done()
	if err := c.load(ctx, account, e); err != nil {
		return err
	}
	if e.isClean() {
		return nil
	}
	err = w.doSoft(ctx, func(t *tx) error { return writeAttempts(t, account, &e.doc, e.now) })
	if err == nil {
		e.stored = e.doc.Clone()
	}
	return err
}

func sameAttempts(a, b *domain.Attempts) bool {
	same := time.Time.Equal
	return a.LockedUntil.Equal(b.LockedUntil) && maps.EqualFunc(a.Familiar, b.Familiar, same) && maps.EqualFunc(a.Locks, b.Locks, same) &&
		slices.EqualFunc(a.Failures, b.Failures, func(x, y domain.Attempt) bool {
			return x.ID == y.ID && x.Source == y.Source && x.At.Equal(y.At) && x.Pending == y.Pending && x.Settled == y.Settled
		})
}

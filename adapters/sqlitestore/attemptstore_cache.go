package sqlitestore

import (
	"context"
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
// frequent updates, change only the cache: two more writes to the database cost a sign-in a quarter of its processor
// time besides the password hash.
type attemptCache struct {
	read    func(ctx context.Context, account string) (domain.Attempts, error)
	mu      sync.Mutex
	entries map[string]*attemptEntry
}

// attemptEntry is the cached document of one account.
type attemptEntry struct {
	refs  int           // goroutines that use the entry; guarded by the mutex of the cache
	token chan struct{} // contains one item while the fields below are unlocked

	loaded bool
	doc    domain.Attempts
	stored domain.Attempts // as stored in the database
	now    time.Time       // time of the last change
}

func newAttemptCache(s *Store) *attemptCache {
	return &attemptCache{read: s.readAttempts, entries: map[string]*attemptEntry{}}
}

// open locks the account's entry, with its document, and returns it. The caller calls done to unlock it.
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
	case <-ctx.Done():
		c.leave(e)
		return nil, nil, fault.ErrStorage.Because(ctx.Err())
	}
	done = func() { e.token <- struct{}{}; c.leave(e) }
	if !e.loaded {
		if e.doc, err = c.read(ctx, account); err != nil {
			done()
			return nil, nil, err
		}
		e.stored, e.loaded = e.doc.Clone(), true
	}
	return e, done, nil
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

func (e *attemptEntry) isClean() bool { return sameAttempts(&e.doc, &e.stored) }

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
	return slices.EqualFunc(a.Failures, b.Failures, sameAttempt) && sameLocks(a, b)
}

func sameAttempt(x, y domain.Attempt) bool {
	return x.ID == y.ID && x.Source == y.Source && x.At.Equal(y.At) && x.Pending == y.Pending && x.Settled == y.Settled
}

func sameLocks(a, b *domain.Attempts) bool {
	return a.LockedUntil.Equal(b.LockedUntil) && maps.EqualFunc(a.Familiar, b.Familiar, time.Time.Equal) &&
		maps.EqualFunc(a.Locks, b.Locks, time.Time.Equal)
}

// onlyPendingDiffer reports whether nothing but pending attempts differs, and the document is not erased.
func onlyPendingDiffer(stored, next *domain.Attempts) bool {
	ended := func(list []domain.Attempt) []domain.Attempt {
		return slices.DeleteFunc(slices.Clone(list), func(x domain.Attempt) bool { return x.Pending })
	}
	erased := len(stored.Failures) > 0 && len(next.Failures) == 0 && len(next.Familiar) == 0
	return !erased && slices.EqualFunc(ended(stored.Failures), ended(next.Failures), sameAttempt) &&
		sameLocks(stored, next)
}

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

// maxPages is how many accounts' attempts stand in memory beside those that are in use or not on disk yet.
const maxPages = 4096

// attemptBook holds the attempts of the accounts that people sign in to, as this process alone knows them: reserving an
// attempt and giving it back, which most of them are all about, touches no disk. What somebody was told, as that they failed,
// is on the disk before.
type attemptBook struct {
	read  func(ctx context.Context, account string) (domain.Attempts, error)
	mu    sync.Mutex
	pages map[string]*attemptPage
}

// attemptPage is the document of one account.
type attemptPage struct {
	users int           // of the page at the moment; under the book's lock
	free  chan struct{} // holds one item while nobody changes what follows

	loaded bool
	doc    domain.Attempts
	disk   domain.Attempts // what stands on the disk
	now    time.Time       // of the last change
	eased  []func(*domain.Attempts)
}

func newAttemptBook(s *Store) *attemptBook {
	return &attemptBook{read: s.readAttempts, pages: map[string]*attemptPage{}}
}

// open returns the account's page for the caller alone; done gives it back.
func (b *attemptBook) open(ctx context.Context, account string) (p *attemptPage, done func(), err error) {
	b.mu.Lock()
	p, ok := b.pages[account]
	if !ok {
		p = &attemptPage{free: make(chan struct{}, 1)}
		p.free <- struct{}{}
		b.pages[account] = p
	}
	p.users++
	b.mu.Unlock()
	select {
	case <-p.free:
		return p, func() { p.free <- struct{}{}; b.leave(p) }, nil
	case <-ctx.Done():
		b.leave(p)
		return nil, nil, fault.ErrStorage.Because(ctx.Err())
	}
}

// leave has one of the others go where there are too many, unless the disk lacks something of it.
func (b *attemptBook) leave(p *attemptPage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.users--
	if len(b.pages) <= maxPages {
		return
	}
	tried := 0
	for account, other := range b.pages { // in random order
		if other.users == 0 && other.isClean() {
			delete(b.pages, account)
			return
		}
		if tried++; tried == 8 {
			return
		}
	}
}

func (p *attemptPage) isClean() bool { return len(p.eased) == 0 && sameAttempts(&p.doc, &p.disk) }

func (b *attemptBook) load(ctx context.Context, account string, p *attemptPage) error {
	if p.loaded {
		return nil
	}
	doc, err := b.read(ctx, account)
	if err != nil {
		return err
	}
	p.doc, p.disk, p.loaded = doc, doc.Clone(), true
	for _, change := range p.eased {
		change(&p.doc)
	}
	p.eased = nil
	return nil
}

// change has run change a copy of the document, which then is the document.
func (b *attemptBook) change(ctx context.Context, account string, now time.Time, run func(*attemptPage, *domain.Attempts) error) error {
	p, done, err := b.open(ctx, account)
	if err != nil {
		return err
	}
	defer done()
	if err := b.load(ctx, account, p); err != nil {
		return err
	}
	next := p.doc.Clone()
	if err := run(p, &next); errors.Is(err, domain.ErrUnchanged) {
		return nil
	} else if err != nil {
		return err
	}
	p.doc, p.now = next, now
	return nil
}

func (b *attemptBook) ease(account string, now time.Time, change func(*domain.Attempts)) {
	ctx := context.Background()
	p, done, err := b.open(ctx, account)
	if err != nil {
		return // never: the context has no end
	}
	defer done()
	p.now = now
	if b.load(ctx, account, p) != nil {
		p.eased = append(p.eased, change) // for when it can be read
		return
	}
	next := p.doc.Clone()
	change(&next)
	p.doc = next
}

// get reads the disk unless it lacks something.
func (b *attemptBook) get(ctx context.Context, account string) (domain.Attempts, error) {
	p, done, err := b.open(ctx, account)
	if err != nil {
		return domain.Attempts{}, err
	}
	defer done()
	if p.loaded && !p.isClean() {
		return p.doc.Clone(), nil
	}
	return b.read(ctx, account)
}

// flush writes what stands in memory alone.
func (b *attemptBook) flush(ctx context.Context, w *writer) error {
	b.mu.Lock()
	accounts := slices.Collect(maps.Keys(b.pages))
	b.mu.Unlock()
	for _, account := range accounts {
		if err := b.flushOne(ctx, w, account); err != nil {
			return err
		}
	}
	return nil
}

func (b *attemptBook) flushOne(ctx context.Context, w *writer, account string) error {
	p, done, err := b.open(ctx, account)
	if err != nil {
		return err
	}
	defer done()
	if err := b.load(ctx, account, p); err != nil {
		return err
	}
	if p.isClean() {
		return nil
	}
	err = w.doSoft(ctx, func(t *tx) error { return writeAttempts(t, account, &p.doc, p.now) })
	if err == nil {
		p.disk = p.doc.Clone()
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

package argon2id

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// restAfter is how long nobody may have hashed before the memory of it goes back to the system.
const restAfter = 2 * time.Second

// lookAfter is how often those who wait are looked after: whether they are still there.
const lookAfter = 200 * time.Millisecond

// gate lets a bounded amount of work through at once, first come first served, and a bounded number wait for it.
type gate struct {
	workers   int64
	unit      uint64 // bytes that one place of the gate stands for
	deadline  time.Duration
	places    *semaphore.Weighted
	strangers *semaphore.Weighted // what is asked in vain, before it may queue for a place
	queue     queue
	outside   queue // of strangers: a flood of invented names leaves the rest of the queue to people with an account
	inside    atomic.Int64
	rest      *time.Timer
}

// queue counts who waits.
type queue struct {
	limit   int64
	waiting atomic.Int64
}

// join reports whether there was room for one more, who then has to leave.
func (q *queue) join() bool {
	if q.waiting.Add(1) > q.limit {
		q.waiting.Add(-1)
		return false
	}
	return true
}

func (q *queue) leave() { q.waiting.Add(-1) }

func newGate(workers int, unit uint64, deadline time.Duration, length int) *gate {
	g := &gate{
		workers: int64(workers), unit: unit, deadline: deadline,
		places: semaphore.NewWeighted(int64(workers)), strangers: semaphore.NewWeighted(int64(max(1, workers/4))),
		queue: queue{limit: int64(length)}, outside: queue{limit: int64(max(1, length/4))},
	}
	g.rest = time.AfterFunc(restAfter, g.tidy)
	g.rest.Stop()
	return g
}

// tidy gives the memory of hashes back to the system. The runtime alone would hold 19 MiB for each worker for minutes after
// the last sign-in, twice what the rest of an idle service takes.
func (g *gate) tidy() {
	if g.inside.Load() == 0 {
		debug.FreeOSMemory()
	}
}

// enter waits for as many places as memory takes, or for all of them when it takes more, and returns what gives them back.
// A wait that takes too long, or has no room, is fault.ErrOverloaded, and so is the end of one whose caller has gone.
func (g *gate) enter(ctx context.Context, memory uint64, stranger bool) (leave func(), err error) {
	n := min(int64((memory+g.unit-1)/g.unit), g.workers) //nolint:gosec // memory is at most 128 MiB
	if !g.tryEnter(n, stranger) {
		if err := g.wait(ctx, n, stranger); err != nil {
			return nil, fault.ErrOverloaded.Because(err).After(g.deadline)
		}
	}
	g.inside.Add(1)
	return func() {
		g.inside.Add(-1)
		g.rest.Reset(restAfter)
		g.giveBack(n, stranger)
	}, nil
}

// tryEnter takes the places if they are free and nobody waits for them.
func (g *gate) tryEnter(n int64, stranger bool) bool {
	if stranger && !g.strangers.TryAcquire(1) {
		return false
	}
	if g.places.TryAcquire(n) {
		return true
	}
	if stranger {
		g.strangers.Release(1)
	}
	return false
}

func (g *gate) giveBack(n int64, stranger bool) {
	g.places.Release(n)
	if stranger {
		g.strangers.Release(1)
	}
}

var errFull = errors.New("the queue for password hashes is full")

func (g *gate) wait(ctx context.Context, n int64, stranger bool) error {
	if stranger {
		if !g.outside.join() {
			return errFull
		}
		defer g.outside.leave()
	}
	if !g.queue.join() {
		return errFull
	}
	defer g.queue.leave()
	ctx, cancel := context.WithTimeout(ctx, g.deadline)
	defer cancel()
	go endWhenGone(ctx, cancel)
	if stranger {
		if err := g.strangers.Acquire(ctx, 1); err != nil {
			return err
		}
	}
	err := g.places.Acquire(ctx, n)
	if err != nil && stranger {
		g.strangers.Release(1)
	}
	return err
}

// endWhenGone ends a wait whose caller has gone: with nobody to tell, the work would be for nothing.
func endWhenGone(ctx context.Context, cancel context.CancelFunc) {
	ticker := time.NewTicker(lookAfter)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if !ports.IsThere(ctx) {
				cancel()
				return
			}
		}
	}
}

package argon2id

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// idleAfter is the idle time after which the hash memory is returned to the system.
const idleAfter = 2 * time.Second

// gate limits how many hashes are computed concurrently and how many calls wait. The sources of the calls
// (ports.SourceOf) take turns, and the calls of one source are served in the order of arrival: a flood from one
// network delays another by one hash. The order does not depend on what is hashed, for which user, or whether the
// user exists.
type gate struct {
	workers  int64
	unit     uint64 // bytes of memory per slot
	deadline time.Duration
	length   int // of the queue
	now      func() time.Time
	memories *memories

	mu      sync.Mutex
	used    int64 // slots taken
	waiting int
	queues  map[string]*queue // of the sources that wait
	order   []*queue          // the same queues, the next one first
	idle    *time.Timer

	processors *processors
}

// queue is the queue of one source, oldest first.
type queue struct {
	source  string
	waiters []*waiter
}

// waiter is a call that waits for its places.
type waiter struct {
	queue    *queue
	slots    int64
	since    time.Time       // when the first of the places was free for it
	admitted chan struct{}   // closed when the places are the waiter's, or its client has disconnected
	ctx      context.Context //nolint:containedctx // of the request, whose client may have disconnected when its turn comes
	err      error           // set before admitted is closed
}

func newGate(workers int, unit uint64, deadline time.Duration, length int) *gate {
	g := &gate{
		workers: int64(workers), unit: unit, deadline: deadline, length: length, queues: map[string]*queue{},
		now:      time.Now, //nolint:forbidigo // how long work took, whatever the time
		memories: newMemories(unit), processors: &processors{},
	}
	g.idle = time.AfterFunc(idleAfter, g.releaseMemory)
	g.idle.Stop()
	return g
}

// releaseMemory overwrites the memory of hashes and returns it to the system. It is 19 MiB for each worker, twice what
// the rest of an idle service takes.
func (g *gate) releaseMemory() {
	g.mu.Lock()
	idle := g.used == 0
	g.mu.Unlock()
	if idle {
		g.processors.remove()
		g.memories.release()
		debug.FreeOSMemory()
	}
}

// enter waits for as many slots as memory needs, or for all of them if it needs more. It returns a function that
// releases them, and the time at which it acquired the first. A wait that exceeds the deadline, or has no room in the
// queue, is fault.ErrOverloaded, and so is one whose client has
// disconnected when its turn comes.
func (g *gate) enter(ctx context.Context, memory uint64) (since time.Time, leave func(), err error) {
	n := min(int64((memory+g.unit-1)/g.unit), g.workers) //nolint:gosec // memory is at most 128 MiB
	w, err := g.join(ctx, n)
	if err == nil {
		err = g.wait(ctx, w)
	}
	if err != nil {
		return time.Time{}, nil, fault.ErrOverloaded.Because(err).After(g.deadline)
	}
	g.processors.add()
	return w.since, func() { g.leave(n) }, nil
}

func (g *gate) leave(slots int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used -= slots
	g.admit()
	g.idle.Reset(idleAfter)
}

var (
	errFull         = errors.New("the queue for password hashes is full")
	errDisconnected = errors.New("the client has disconnected")
)

// join puts a call in the queue of its source, where it may be admitted at once. A source may wait with as many calls
// as the queue has places left: alone with half of the queue, and the more sources wait, the less each may take. So
// there is always room for a source that does not wait yet.
func (g *gate) join(ctx context.Context, slots int64) (*waiter, error) {
	source := ports.SourceOf(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.queues[source]
	if !ok {
		l = &queue{source: source}
	}
	w := &waiter{queue: l, ctx: ctx, slots: slots, admitted: make(chan struct{})}
	if waits := g.waiting > 0 || !g.fits(w); waits && len(l.waiters) >= g.length-g.waiting {
		return nil, errFull
	}
	if !ok {
		g.queues[source] = l
		g.order = append(g.order, l)
	}
	l.waiters = append(l.waiters, w)
	g.waiting++
	g.admit()
	return w, nil
}

func (g *gate) fits(w *waiter) bool { return g.used+w.slots <= g.workers }

// admit gives free places to the waiters whose turn it is. A waiter that needs more than is free is waited for: it
// would otherwise never get them.
func (g *gate) admit() {
	for len(g.order) > 0 {
		l := g.order[0]
		w := l.waiters[0]
		if w.since.IsZero() && g.used < g.workers {
			w.since = g.now()
		}
		if !g.fits(w) {
			return
		}
		if ports.Disconnected(w.ctx) { // its turn passes to the next
			w.err = errDisconnected
			g.remove(l, 0)
			close(w.admitted)
			continue
		}
		g.used += w.slots
		g.remove(l, 0)
		if len(l.waiters) > 0 {
			g.order = append(g.order[1:], l)
		}
		close(w.admitted)
	}
}

// remove takes a waiter out of its queue, and the queue out of the gate when it was the last.
func (g *gate) remove(l *queue, at int) {
	l.waiters = slices.Delete(l.waiters, at, at+1)
	g.waiting--
	if len(l.waiters) > 0 {
		return
	}
	delete(g.queues, l.source)
	g.order = slices.DeleteFunc(g.order, func(other *queue) bool { return other == l })
}

// wait waits until the waiter is admitted.
func (g *gate) wait(ctx context.Context, w *waiter) error {
	select {
	case <-w.admitted:
		return w.err
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, g.deadline)
	defer cancel()
	select {
	case <-w.admitted:
		return w.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(w.queue.waiters, w)
	if at < 0 {
		return w.err // it was admitted at the same moment
	}
	g.remove(w.queue, at)
	g.admit()
	return ctx.Err()
}

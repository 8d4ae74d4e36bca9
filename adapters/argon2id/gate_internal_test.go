package argon2id

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const unit = 19 << 20

// from returns a context of a request from the network.
func from(t *testing.T, source string) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), ports.SourceKey{}, func() string { return source })
}

func mustEnter(ctx context.Context, t *testing.T, g *gate, memory uint64) (leave func()) {
	t.Helper()
	_, leave, err := g.enter(ctx, memory)
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

// waiting returns how many calls wait.
func (g *gate) waitingCalls() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

// waitUntil waits until so many calls are in the queue.
func waitUntil(g *gate, waiting int) {
	for g.waitingCalls() != waiting {
		runtime.Gosched()
	}
}

func TestConcurrencyIsLimitedToWorkers(t *testing.T) {
	t.Parallel()
	g := newGate(3, unit, time.Minute, 1000)
	var (
		wg           sync.WaitGroup
		inside, most atomic.Int64
	)
	for i := range 200 {
		wg.Go(func() {
			_, leave, err := g.enter(from(t, strconv.Itoa(i%7)), unit)
			if err != nil {
				t.Error(err)
				return
			}
			defer leave()
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			runtime.Gosched()
			inside.Add(-1)
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d were inside at once, want 3 at most", most.Load())
	}
}

// queued lets a call from each source wait, one after the other, and returns in which order they are admitted.
func queued(t *testing.T, g *gate, sources ...string) []int {
	t.Helper()
	leave := mustEnter(t.Context(), t, g, unit)
	var (
		wg    sync.WaitGroup
		order []int // the single place guards it
	)
	for i, source := range sources {
		wg.Go(func() {
			_, done, err := g.enter(from(t, source), unit)
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, i)
			done()
		})
		waitUntil(g, i+1)
	}
	leave()
	wg.Wait()
	return order
}

func TestSourcesTakeTurnsAtTheGate(t *testing.T) {
	t.Parallel()
	got := queued(t, newGate(1, unit, time.Minute, 100), "flood", "flood", "flood", "flood", "a", "b", "b", "flood")
	if want := []int{0, 4, 5, 1, 6, 2, 3, 7}; !slices.Equal(got, want) {
		t.Errorf("admitted in the order %v, want %v", got, want)
	}
}

func TestOneSourceIsServedInItsOrder(t *testing.T) {
	t.Parallel()
	got := queued(t, newGate(1, unit, time.Minute, 100), "a", "a", "a", "a", "a", "a")
	if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("admitted in the order %v, want %v", got, want)
	}
}

func TestAFloodFromOneSourceLeavesRoomInTheQueue(t *testing.T) {
	t.Parallel()
	g := newGate(1, unit, time.Minute, 8)
	leave := mustEnter(t.Context(), t, g, unit)
	var wg sync.WaitGroup
	enter := func(source string) {
		before := g.waitingCalls()
		wg.Go(func() {
			_, done, err := g.enter(from(t, source), unit)
			if err != nil {
				t.Error(err)
				return
			}
			done()
		})
		waitUntil(g, before+1)
	}
	full := func(source string) {
		t.Helper()
		if _, _, err := g.enter(from(t, source), unit); !errors.Is(err, fault.ErrOverloaded) ||
			fault.Of(err).RetryAfter() <= 0 {
			t.Errorf("one more of %s: %v, want fault.ErrOverloaded at once, with the time to try again", source, err)
		}
	}
	for range 4 {
		enter("flood")
	}
	full("flood")
	enter("a")
	enter("a")
	full("a")
	enter("b")
	full("b")
	enter("c")
	full("d") // the queue is full
	leave()
	wg.Wait()
	if len(g.queues) != 0 || len(g.order) != 0 || g.waitingCalls() != 0 || g.used != 0 {
		t.Error("calls still count as waiting")
	}
}

// The order and capacity of the queue are the same for an unknown name, a user without a password and a user with any
// kind of hash. Otherwise an attacker could distinguish them by the delay under load.
func TestQueueDoesNotDependOnExistence(t *testing.T) {
	t.Parallel()
	h, err := New(Config{MemoryKiB: 64, Passes: 1, Lanes: 1, Workers: 1, QueueDeadline: time.Minute, QueueLength: 16})
	if err != nil {
		t.Fatal(err)
	}
	own, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	kinds := []string{"", own, "!", "$2b$05$W1quGEsdJwvKVq1/4PSMOecOioshg.aEI8/IUFQVN6rX1BpZvDSDC"}
	for _, kind := range kinds {
		leave := mustEnter(t.Context(), t, h.gate, h.gate.unit)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, _, err := h.Verify(t.Context(), kind, "wrong"); err != nil {
					t.Errorf("%q: %v", kind, err)
				}
			})
			waitUntil(h.gate, i+1)
		}
		if _, _, err := h.Verify(t.Context(), kind, "wrong"); !errors.Is(err, fault.ErrOverloaded) ||
			fault.Of(err).RetryAfter() != time.Minute {
			t.Errorf("%q: the ninth beside eight of one source: %v, want fault.ErrOverloaded", kind, err)
		}
		leave()
		wg.Wait()
	}
}

func TestBurstIsServedWithinTheDeadline(t *testing.T) {
	t.Parallel()
	const burst = 200
	g := newGate(2, unit, time.Minute, 1000)
	var (
		wg     sync.WaitGroup
		served atomic.Int64
	)
	for range burst {
		wg.Go(func() {
			_, done, err := g.enter(t.Context(), unit)
			if err != nil {
				t.Error(err)
				return
			}
			served.Add(1)
			runtime.Gosched()
			done()
		})
	}
	wg.Wait()
	if served.Load() != burst {
		t.Errorf("%d of %d were served", served.Load(), burst)
	}
}

func TestDisconnectedClientsLeaveTheQueue(t *testing.T) {
	t.Parallel()
	g := newGate(1, unit, time.Hour, 500)
	leave := mustEnter(t.Context(), t, g, unit)
	disconnected := context.WithValue(t.Context(), ports.DisconnectedKey{}, func() bool { return true })
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			if _, _, err := g.enter(disconnected, unit); !errors.Is(err, fault.ErrOverloaded) {
				t.Errorf("got %v for a disconnected client, want ErrOverloaded", err)
			}
		})
		waitUntil(g, i+1)
	}
	wg.Go(func() { mustEnter(t.Context(), t, g, unit)() })
	waitUntil(g, 4)
	leave() // the connected client is next
	wg.Wait()
	if g.waitingCalls() != 0 || g.used != 0 {
		t.Errorf("%d calls wait and %d slots are used, want none", g.waitingCalls(), g.used)
	}
}

func TestExpensiveHashesRunAlone(t *testing.T) {
	t.Parallel()
	g := newGate(2, unit, time.Millisecond, 500)
	leave := mustEnter(t.Context(), t, g, maxMemory)
	if _, _, err := g.enter(t.Context(), unit); err == nil {
		t.Error("another was let in beside 128 MiB")
	}
	leave()
	mustEnter(t.Context(), t, g, unit)
}

// A hash that takes several places waits until they are free together. That is part of its time, which refusals are
// padded to.
func TestExpensiveHashIsTimedFromItsFirstSlot(t *testing.T) {
	t.Parallel()
	g := newGate(2, unit, time.Minute, 500)
	at := time.Unix(100, 0)
	g.now = func() time.Time { return at }
	leave := mustEnter(t.Context(), t, g, unit)
	var since time.Time
	var wg sync.WaitGroup
	wg.Go(func() {
		got, done, err := g.enter(t.Context(), maxMemory)
		if err != nil {
			t.Error(err)
			return
		}
		since = got
		done()
	})
	waitUntil(g, 1)
	g.mu.Lock()
	at = at.Add(time.Second)
	g.mu.Unlock()
	leave()
	wg.Wait()
	if !since.Equal(time.Unix(100, 0)) {
		t.Errorf("it counts from %s, want from when the first place was free", since)
	}
}

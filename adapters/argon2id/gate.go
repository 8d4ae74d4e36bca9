package argon2id

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ostiary/ostiary/core/fault"
)

// restAfter is how long nobody may have hashed before the memory of it goes back to the system.
const restAfter = 2 * time.Second

// gate lets a bounded amount of work through at once, first come first served.
type gate struct {
	workers   int64
	unit      uint64 // bytes that one place of the gate stands for
	deadline  time.Duration
	places    *semaphore.Weighted
	strangers *semaphore.Weighted // what is asked in vain, before it may queue for a place
	inside    atomic.Int64
	rest      *time.Timer
}

func newGate(workers int, unit uint64, deadline time.Duration) *gate {
	g := &gate{
		workers: int64(workers), unit: unit, deadline: deadline,
		places: semaphore.NewWeighted(int64(workers)), strangers: semaphore.NewWeighted(int64(max(1, workers/4))),
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
// A wait that takes too long is fault.ErrOverloaded.
func (g *gate) enter(ctx context.Context, memory uint64, stranger bool) (leave func(), err error) {
	wait, cancel := context.WithTimeout(ctx, g.deadline)
	defer cancel()
	overloaded := func(err error) (func(), error) {
		return nil, fault.ErrOverloaded.Because(err).After(g.deadline)
	}
	if stranger {
		if err := g.strangers.Acquire(wait, 1); err != nil {
			return overloaded(err)
		}
	}
	n := min(int64((memory+g.unit-1)/g.unit), g.workers) //nolint:gosec // memory is at most 128 MiB
	if err := g.places.Acquire(wait, n); err != nil {
		if stranger {
			g.strangers.Release(1)
		}
		return overloaded(err)
	}
	g.inside.Add(1)
	return func() {
		g.inside.Add(-1)
		g.rest.Reset(restAfter)
		g.places.Release(n)
		if stranger {
			g.strangers.Release(1)
		}
	}, nil
}

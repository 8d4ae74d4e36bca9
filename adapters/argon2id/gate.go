package argon2id

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ostiary/ostiary/core/fault"
)

// gate lets a bounded amount of work through at once, first come first served.
type gate struct {
	workers   int64
	unit      uint64 // bytes that one place of the gate stands for
	deadline  time.Duration
	places    *semaphore.Weighted
	strangers *semaphore.Weighted // what is asked in vain, before it may queue for a place
}

func newGate(workers int, unit uint64, deadline time.Duration) *gate {
	return &gate{
		workers: int64(workers), unit: unit, deadline: deadline,
		places: semaphore.NewWeighted(int64(workers)), strangers: semaphore.NewWeighted(int64(max(1, workers/4))),
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
	return func() {
		g.places.Release(n)
		if stranger {
			g.strangers.Release(1)
		}
	}, nil
}

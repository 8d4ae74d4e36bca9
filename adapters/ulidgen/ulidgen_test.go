package ulidgen_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ulidgen"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.IDs = (*ulidgen.Generator)(nil)

type stepClock struct {
	mu    sync.Mutex
	times []time.Time
}

func (c *stepClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.times[0]
	if len(c.times) > 1 {
		c.times = c.times[1:]
	}
	return now
}

func TestIDsHaveTheFormOfTheDomain(t *testing.T) {
	t.Parallel()
	ids := ulidgen.New(&stepClock{times: []time.Time{time.Unix(1_700_000_000, 0)}})
	id := ids.NewID(domain.UserPrefix)
	if _, err := domain.ParseUserID(id); err != nil {
		t.Errorf("NewID made %q, which the domain refuses", id)
	}
}

func TestIDsSortInTheOrderOfMaking(t *testing.T) {
	t.Parallel()
	noon := time.Unix(1_700_000_000, 0)
	tests := map[string]*stepClock{
		"within one millisecond":         {times: []time.Time{noon}},
		"while the clock is set back":    {times: []time.Time{noon, noon.Add(-time.Hour), noon.Add(-time.Minute)}},
		"over several milliseconds":      {times: []time.Time{noon, noon.Add(time.Millisecond), noon.Add(time.Second)}},
		"before the epoch of the system": {times: []time.Time{time.Unix(0, 0)}},
	}
	for name, clock := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids := ulidgen.New(clock)
			var made []string
			for range 10_000 {
				made = append(made, ids.NewID(""))
			}
			if !slices.IsSorted(made) {
				t.Error("ids do not sort in the order of making")
			}
		})
	}
}

func TestIDsOfConcurrentCallersDiffer(t *testing.T) {
	t.Parallel()
	ids := ulidgen.New(&stepClock{times: []time.Time{time.Unix(1_700_000_000, 0)}})
	var (
		mu   sync.Mutex
		seen = map[string]bool{}
		wg   sync.WaitGroup
	)
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				id := ids.NewID("x_")
				mu.Lock()
				if seen[id] {
					t.Errorf("%s was made twice", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func BenchmarkNewID(b *testing.B) {
	ids := ulidgen.New(&stepClock{times: []time.Time{time.Unix(1_700_000_000, 0)}})
	for b.Loop() {
		ids.NewID(domain.LogPrefix)
	}
}

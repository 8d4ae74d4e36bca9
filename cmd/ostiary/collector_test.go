package main

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestSmallHeapsAreCollectedSeldom(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{
		0: 400, 1 << 20: 400, 4 << 20: 400, 8 << 20: 200, 16 << 20: 100, 1 << 30: 100, math.MaxInt64: 100,
	} {
		if got := collectorPercent(live); got != want {
			t.Errorf("%d bytes in use: %d %%, want %d", live, got, want)
		}
	}
}

// TestCollectorFollowsTheHeap grows the heap beyond the size that is small. It sets the collector of the process, so it
// is not parallel.
func TestCollectorFollowsTheHeap(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	t.Setenv("GOGC", "")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	tuneCollector(ctx)
	large := make([]byte, 64<<20)
	percent := 0
	for range 1000 { // a finalizer runs some time after its collection
		runtime.GC()
		if percent = debug.SetGCPercent(100); percent == 100 {
			break
		}
		debug.SetGCPercent(percent)
	}
	runtime.KeepAlive(large)
	if percent != 100 {
		t.Errorf("a large heap is collected at %d %%", percent)
	}
}

package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// garbage is how much garbage a small heap collects before the collector runs. The default of the runtime, as much as
	// is in use and at least 4 MB, made it run a hundred times a second.
	garbage = 16 << 20
	// maxPercent bounds the garbage in percent of a heap that is nearly empty.
	maxPercent = 400
	// idleCheck is the interval of the checks whether the service is idle. An idle service returns its memory.
	idleCheck = 20 * time.Second
	// returned is the unused memory that is worth returning.
	returned = 4 << 20
)

// collectorPercent returns the percentage of the live heap that garbage may take: the runtime's 100 for a large heap,
// and more for a small one.
func collectorPercent(live uint64) int {
	return int(min(maxPercent, max(100, garbage*100/max(1, live))))
}

// tuneCollector sets the garbage collector for the size of the heap, after each collection, until ctx is done. It
// changes nothing if the operator has set GOGC.
func tuneCollector(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		adjust(ctx, new(collection), 0)
	}
	go returnIdleMemory(ctx)
}

// collection is an object without references. Its finalizer runs after each collection.
type collection struct{ _ *collection }

func adjust(ctx context.Context, mark *collection, percent int) {
	if ctx.Err() != nil {
		return
	}
	// Setting the percentage stops all goroutines for a moment: small changes are not worth it.
	if wanted := collectorPercent(read(liveHeap)); wanted > percent+percent/8 || wanted < percent-percent/8 {
		percent = wanted
		debug.SetGCPercent(percent)
	}
	runtime.SetFinalizer(mark, func(mark *collection) { adjust(ctx, mark, percent) })
}

// returnIdleMemory returns unused memory to the system while the service is idle, until ctx is done. The runtime keeps
// what the last load needed.
func returnIdleMemory(ctx context.Context) {
	ticker := time.NewTicker(idleCheck)
	defer ticker.Stop()
	before := read(collections)
	rested := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := read(collections)
		idle := now == before
		if idle && read(freeHeap) > returned {
			debug.FreeOSMemory() // collects twice, since pools keep their contents through one collection
			debug.FreeOSMemory()
			now = read(collections)
		} else if !idle {
			rested = false
		}
		if idle && !rested {
			returnProgramPages()
			rested = true
		}
		before = now
	}
}

const (
	liveHeap    = "/gc/heap/live:bytes"
	collections = "/gc/cycles/total:gc-cycles"
	freeHeap    = "/memory/classes/heap/free:bytes"
)

// read returns a metric of the runtime.
func read(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

package argon2id

import (
	"runtime"
	"testing"
	"time"
)

// TestProcessorsAreAddedWhileHashing changes GOMAXPROCS, so it is not parallel.
func TestProcessorsAreAddedWhileHashing(t *testing.T) { //nolint:paralleltest // see above
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	h, err := New(Config{MemoryKiB: 64, Passes: 1, Lanes: 1, ExtraProcessors: 3, QueueDeadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := h.Hash(t.Context(), "password"); err != nil {
			t.Fatal(err)
		}
		if got := runtime.GOMAXPROCS(0); got != before+3 {
			t.Errorf("GOMAXPROCS is %d after a hash, want %d", got, before+3)
		}
	}
	for range 2 {
		h.gate.releaseMemory()
		if got := runtime.GOMAXPROCS(0); got != before {
			t.Errorf("GOMAXPROCS is %d when idle, want %d", got, before)
		}
	}
}

package argon2id

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/argon2id/argon2kernel"
)

func TestMemoryIsKeptBetweenHashesAndDroppedAtRest(t *testing.T) {
	t.Parallel()
	hasher, err := New(Config{MemoryKiB: 64, Passes: 1, Lanes: 1, Workers: 2, QueueDeadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	kept := hasher.gate.memories
	for range 3 {
		if _, err := hasher.Hash(t.Context(), "correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	if len(kept.free) != 1 {
		t.Errorf("after three hashes one after the other %d memories are kept, want 1", len(kept.free))
	}
	hasher.gate.releaseMemory()
	if len(kept.free) != 0 {
		t.Errorf("%d memories are kept at rest", len(kept.free))
	}
}

func TestMemoryOfACostlyHashIsNotKept(t *testing.T) {
	t.Parallel()
	m := newMemories(64 << 10)
	m.key(argon2kernel.Params{Variant: argon2kernel.Argon2id, Passes: 1, MemoryKiB: 1024, Lanes: 1}, []byte("p"),
		[]byte("somesalt"), 32)
	for _, memory := range m.free {
		if memory.Size() > m.usual {
			t.Errorf("%d bytes are kept, more than the usual %d", memory.Size(), m.usual)
		}
	}
}

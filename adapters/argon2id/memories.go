package argon2id

import (
	"sync"

	"github.com/ostiary/ostiary/adapters/argon2id/argon2kernel"
)

// memories keeps the memory of finished hashes for the next ones. The gate bounds how many are in use, and so how many
// there are. A hash that needed more than the usual amount does not keep its memory.
type memories struct {
	usual uint64 // bytes
	mu    sync.Mutex
	free  []*argon2kernel.Memory
}

func newMemories(usual uint64) *memories { return &memories{usual: usual} }

// key derives a key in memory of its own.
func (m *memories) key(p argon2kernel.Params, password, salt []byte, size uint32) []byte {
	memory := m.take()
	key := memory.Key(p, password, salt, size)
	m.put(memory)
	return key
}

func (m *memories) take() *argon2kernel.Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.free)
	if n == 0 {
		return &argon2kernel.Memory{}
	}
	memory := m.free[n-1]
	m.free = m.free[:n-1]
	return memory
}

func (m *memories) put(memory *argon2kernel.Memory) {
	if memory.Size() > m.usual {
		memory.Release()
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, memory)
}

// release overwrites what is kept and drops it.
func (m *memories) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, memory := range m.free {
		memory.Release()
	}
	m.free = nil
}

package sqlitestore

import (
	"hash/maphash"
	"sync"
)

// shards is the number of independently locked parts of a cache. It keeps lock contention between readers low.
const shards = 64

// cache is a bounded cache of stored values for concurrent readers. A cached value is at least as new as the last
// acknowledged write. Two rules guarantee this: the writer updates or drops a value after the commit and before it
// acknowledges the write, and a value that a reader has loaded is cached only if no write has changed its shard since
// before the load.
type cache[K ~string, V any] struct {
	seed  maphash.Seed
	limit int // of each shard
	parts [shards]shard[K, V]
}

type shard[K ~string, V any] struct {
	mu     sync.RWMutex
	values map[K]*V
	writes uint64 // number of changes; a value loaded before the last change may be stale
}

func newCache[K ~string, V any](limit int) *cache[K, V] {
	c := &cache[K, V]{seed: maphash.MakeSeed(), limit: max(1, limit/shards)}
	for i := range c.parts {
		c.parts[i].values = map[K]*V{}
	}
	return c
}

func (c *cache[K, V]) shard(key K) *shard[K, V] {
	return &c.parts[maphash.String(c.seed, string(key))%shards]
}

// get returns the cached value, or loads it. The value is shared between callers, which must not modify it.
func (c *cache[K, V]) get(key K, load func() (*V, error)) (*V, error) {
	s := c.shard(key)
	s.mu.RLock()
	value, ok := s.values[key]
	writes := s.writes
	s.mu.RUnlock()
	if ok {
		return value, nil
	}
	value, err := load()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writes == writes {
		s.insert(key, value, c.limit)
	}
	return value, nil
}

// insert stores the value. If the shard is full it evicts a random other value.
func (s *shard[K, V]) insert(key K, value *V, limit int) {
	if len(s.values) >= limit {
		for other := range s.values { // in random order
			delete(s.values, other)
			break
		}
	}
	s.values[key] = value
}

// put replaces the value after a commit. It does not add a value that no reader has loaded.
func (c *cache[K, V]) put(key K, value *V) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if _, ok := s.values[key]; ok {
		s.values[key] = value
	}
}

// drop removes the value after a commit.
func (c *cache[K, V]) drop(key K) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	delete(s.values, key)
}

// swap replaces a cached value by the result of change. The old value is not modified, since readers may still use it.
func (c *cache[K, V]) swap(key K, change func(V) V) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++ // a value that is being loaded now may lack the change
	if value, ok := s.values[key]; ok {
		changed := change(*value)
		s.values[key] = &changed
	}
}

package sqlitestore

import (
	"hash/maphash"
	"sync"
)

// shards is how many parts a cache has, so that readers rarely wait for one another.
const shards = 64

// cache holds bounded copies of what is in the database, for many readers. What it holds is as new as the last acknowledged
// write, by two rules: the writer puts or drops a value after the commit and before it answers, and a value that a reader
// has read is kept only when no write has touched its shard since before the reading.
type cache[K ~string, V any] struct {
	seed  maphash.Seed
	limit int // of each shard
	parts [shards]shard[K, V]
}

type shard[K ~string, V any] struct {
	mu     sync.RWMutex
	values map[K]*V
	writes uint64 // counts changes; a reader's value from before the last of them may be old
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

// get returns the value, or asks load for it. What it returns is shared: nobody changes it.
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
		s.keep(key, value, c.limit)
	}
	return value, nil
}

// keep stores the value, in place of any other where the shard is full.
func (s *shard[K, V]) keep(key K, value *V, limit int) {
	if len(s.values) >= limit {
		for other := range s.values { // in random order
			delete(s.values, other)
			break
		}
	}
	s.values[key] = value
}

// put takes the place of the value after a commit. What nobody has looked at is not kept.
func (c *cache[K, V]) put(key K, value *V) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if _, ok := s.values[key]; ok {
		s.values[key] = value
	}
}

// drop forgets the value after a commit.
func (c *cache[K, V]) drop(key K) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	delete(s.values, key)
}

// swap replaces a value that is held by what change makes of it. Old values stay as they are for those who hold them.
func (c *cache[K, V]) swap(key K, change func(V) V) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++ // a value that is being read now may lack the change
	if value, ok := s.values[key]; ok {
		changed := change(*value)
		s.values[key] = &changed
	}
}

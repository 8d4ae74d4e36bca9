package mongostore

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// The maximum numbers of cached values.
const (
	cachedSessions = 50_000
	cachedUsers    = 20_000
)

// catalogKey is the cache key of the version of the catalog.
const catalogKey = catalogName + "/" + headID

// viewCache contains the values that verifications read. They may be used only under the lease of the cluster, and are
// added only by cluster.fill.
type viewCache struct {
	sessions *valueCache[domain.Session]
	users    *valueCache[domain.User]
	keys     *valueCache[domain.APIKey]
	catalog  atomic.Int64 // the version of the catalog; 0 if it is not known
}

func newViewCache() *viewCache {
	return &viewCache{
		sessions: newValueCache[domain.Session](cachedSessions), users: newValueCache[domain.User](cachedUsers),
		keys: newValueCache[domain.APIKey](cachedUsers),
	}
}

// drop removes the value with this key.
func (v *viewCache) drop(key string) {
	collection, id, _ := strings.Cut(key, "/")
	switch collection {
	case sessionsName:
		v.sessions.drop(id)
	case usersName:
		v.users.drop(id)
	case keysName:
		v.keys.drop(id)
	case catalogName:
		v.catalog.Store(0)
	}
}

func (v *viewCache) clear() {
	v.sessions.clear()
	v.users.clear()
	v.keys.clear()
	v.catalog.Store(0)
}

// shards is the number of independently locked parts of a cache. It keeps lock contention between readers low.
const shards = 64

// valueCache is a bounded cache of decoded values by ID, for concurrent readers. The values are shared: they must not
// be modified.
type valueCache[T any] struct {
	seed  maphash.Seed
	limit int // of each shard
	parts [shards]struct {
		mu     sync.RWMutex
		values map[string]*T
	}
}

func newValueCache[T any](limit int) *valueCache[T] {
	c := &valueCache[T]{seed: maphash.MakeSeed(), limit: max(1, limit/shards)}
	c.clear()
	return c
}

func (c *valueCache[T]) shard(id string) int { return int(maphash.String(c.seed, id) % shards) }

func (c *valueCache[T]) get(id string) (*T, bool) {
	s := &c.parts[c.shard(id)]
	s.mu.RLock()
	defer s.mu.RUnlock()
	value, ok := s.values[id]
	return value, ok
}

// put adds a value. If the shard is full it evicts a random other value.
func (c *valueCache[T]) put(id string, value *T) {
	s := &c.parts[c.shard(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.values) >= c.limit {
		for other := range s.values { // in random order
			delete(s.values, other)
			break
		}
	}
	s.values[id] = value
}

func (c *valueCache[T]) drop(id string) {
	s := &c.parts[c.shard(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, id)
}

func (c *valueCache[T]) clear() {
	for i := range c.parts {
		s := &c.parts[i]
		s.mu.Lock()
		s.values = map[string]*T{}
		s.mu.Unlock()
	}
}

// swap replaces a cached value by the result of change. The old value is not modified, since readers may use it.
func (c *valueCache[T]) swap(id string, change func(T) T) {
	s := &c.parts[c.shard(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := s.values[id]; ok {
		changed := change(*value)
		s.values[id] = &changed
	}
}

// fill is a read whose values may be cached.
type fill struct {
	applied int64
	resets  int64
}

// beginFill must be called before the values are read.
func (c *cluster) beginFill() fill {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fill{c.applied, c.resets}
}

// endFill calls put if the values are current: the server has read them at the position given or later, which includes
// everything that the node had applied before, and nothing that was applied meanwhile has one of the keys.
func (c *cluster) endFill(f fill, position int64, keys []string, put func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	meanwhile := c.applied - f.applied
	if f.resets != c.resets || position < f.applied || meanwhile > int64(len(c.recent)) {
		return
	}
	for _, changed := range c.recent[int64(len(c.recent))-meanwhile:] {
		for _, key := range keys {
			if sameEntry(changed, key) {
				return
			}
		}
	}
	put()
}

// sameEntry reports whether an invalidated key concerns the cache key: all keys of the catalog concern its version.
func sameEntry(changed, key string) bool {
	return changed == key || key == catalogKey && strings.HasPrefix(changed, catalogName+"/")
}

// activeFor is how long the activity of a cached session is current if this node has recorded none: other nodes may
// have. A value with an older activity is read again.
const activeFor = flushEvery

func (s *Store) isActive(at time.Time) bool { return s.now().Sub(at) < activeFor }

package mongostore

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// cachedDocument is a document as this process last read or wrote it. It may be stale: users of it write under the
// condition that the version is unchanged, or read again.
type cachedDocument struct {
	version int64
	doc     bson.Raw
	active  int64    // see record.Active
	names   []string // see record.Names
}

// documentCache caches recently used documents in two generations. When the current generation is full, it replaces the
// previous one.
type documentCache struct {
	mu                sync.Mutex
	limit             int
	current, previous map[string]cachedDocument
}

func newDocumentCache(limit int) *documentCache {
	return &documentCache{limit: limit, current: map[string]cachedDocument{}, previous: map[string]cachedDocument{}}
}

func (m *documentCache) get(key string) (cachedDocument, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.current[key]; ok {
		return d, true
	}
	d, ok := m.previous[key]
	return d, ok
}

func (m *documentCache) put(key string, d cachedDocument) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.current[key]; ok && known.version > d.version {
		return
	}
	if len(m.current) >= m.limit {
		m.current, m.previous = map[string]cachedDocument{}, m.current
	}
	m.current[key] = d
}

func (m *documentCache) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.current, key)
	delete(m.previous, key)
}

// keyedMutex serializes the updates of one document by this process, which would lose races
// against each other otherwise. Correctness does not depend on it: the condition of each write decides.
type keyedMutex struct {
	mu      sync.Mutex
	waiting map[string]*keyLock
}

type keyLock struct {
	free  chan struct{} // holds one item while unlocked
	users int
}

func newKeyedMutex() *keyedMutex { return &keyedMutex{waiting: map[string]*keyLock{}} }

// lock locks the key; done unlocks it.
func (t *keyedMutex) lock(ctx context.Context, key string) (done func(), err error) {
	t.mu.Lock()
	mine, ok := t.waiting[key]
	if !ok {
		mine = &keyLock{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.waiting[key] = mine
	}
	mine.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.waiting, key)
		}
	}
	select {
	case <-mine.free:
		return func() { mine.free <- struct{}{}; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, failed("waiting for another update", ctx.Err())
	}
}

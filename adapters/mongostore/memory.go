package mongostore

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// seenDocument is a document as this process last saw it. It is only ever a guess: whoever uses it writes under the condition
// that the version is still this one, or reads again.
type seenDocument struct {
	version int64
	doc     bson.Raw
	active  int64    // see record.Active
	names   []string // see record.Names
}

// memory remembers recently seen documents in two generations; when the young one is full, the old one is forgotten.
type memory struct {
	mu         sync.Mutex
	limit      int
	young, old map[string]seenDocument
}

func newMemory(limit int) *memory {
	return &memory{limit: limit, young: map[string]seenDocument{}, old: map[string]seenDocument{}}
}

func (m *memory) get(key string) (seenDocument, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.young[key]; ok {
		return d, true
	}
	d, ok := m.old[key]
	return d, ok
}

func (m *memory) put(key string, d seenDocument) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.young[key]; ok && known.version > d.version {
		return
	}
	if len(m.young) >= m.limit {
		m.young, m.old = map[string]seenDocument{}, m.young
	}
	m.young[key] = d
}

func (m *memory) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.young, key)
	delete(m.old, key)
}

// turns lets the updates of one document by this process go one after another: they would lose races against each other
// otherwise. It is a courtesy; what decides is the condition of each write.
type turns struct {
	mu      sync.Mutex
	waiting map[string]*turn
}

type turn struct {
	free  chan struct{} // holds one item while nobody has the turn
	users int
}

func newTurns() *turns { return &turns{waiting: map[string]*turn{}} }

// take waits for the turn; done gives it back.
func (t *turns) take(ctx context.Context, key string) (done func(), err error) {
	t.mu.Lock()
	mine, ok := t.waiting[key]
	if !ok {
		mine = &turn{free: make(chan struct{}, 1)}
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

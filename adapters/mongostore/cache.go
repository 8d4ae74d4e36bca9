package mongostore

import (
	"context"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
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

// documentCache holds the documents that were used last, by collection and id.
type documentCache = lru.Cache[string, cachedDocument]

// cachedDocuments is the number of documents that a process caches.
const cachedDocuments = 8192

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

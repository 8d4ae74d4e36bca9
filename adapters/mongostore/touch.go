package mongostore

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// flushEvery is how long activity may be in memory only.
const flushEvery = 15 * time.Second

// touches holds the activity that is not written yet. Sessions and keys are touched on every request, and writing each
// touch would turn every read into a write. A loss in a crash only shortens a session.
type touches struct {
	mu      sync.Mutex
	pending map[string]int64
	// written is kept for one more round: a read that started before the write may end after it.
	written map[string]int64
}

func newTouches() *touches { return &touches{pending: map[string]int64{}, written: map[string]int64{}} }

func (t *touches) touch(id string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending[id] = max(t.pending[id], nanos(at))
}

// latest returns the latest of the time read and the times that the read may have missed.
func (t *touches) latest(id string, read int64) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(read, t.pending[id], t.written[id])
}

// begin returns the activity to write.
func (t *touches) begin() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.pending)
}

// end records what was written and discards what was written in the previous round.
func (t *touches) end(written map[string]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, at := range written {
		if t.pending[id] == at {
			delete(t.pending, id)
		}
	}
	t.written = written
}

func (s *Store) flushTouches(ctx context.Context) error {
	if err := s.flush(ctx, s.touched, sessionsName); err != nil {
		return err
	}
	return s.flush(ctx, s.used, keysName)
}

func (s *Store) flush(ctx context.Context, t *touches, collection string) error {
	pending := t.begin()
	if len(pending) == 0 {
		t.end(nil)
		return nil
	}
	models := make([]mongo.WriteModel, 0, len(pending))
	for id, at := range pending {
		models = append(models, mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: id}}).
			SetUpdate(bson.D{{Key: "$max", Value: bson.D{{Key: "active", Value: at}}}}))
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if _, err := s.lossy(collection).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false)); err != nil {
		return failed("writing activity", err)
	}
	t.end(pending)
	return nil
}

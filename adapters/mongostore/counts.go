package mongostore

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/ostiary/ostiary/core/domain"
)

// The server keeps the number of documents of each collection, but not exactly: a single server that ends without a
// shutdown loses the changes of the number since its last checkpoint, up to a minute of them, and counts on from the
// wrong number. Therefore a node counts a large collection itself, once for each server that it reads from, and adds
// the difference to the number. Until it has done so, the total of a large collection is an estimate, and is called
// one.

const (
	// worthMeasuring is the size from which counting costs more than reading the server's number.
	worthMeasuring = 1000
	// driftFor is how long a measured drift is used: a deletion during the measurement may have been counted wrong.
	driftFor = time.Hour
	// settled is the age from which documents are counted in advance; few are inserted with an older time.
	settled = time.Minute
	// driftTries is the number of attempts to count the newest documents while none is inserted.
	driftTries = 50
)

// drifts holds the drift of the numbers of one server, by collection.
type drifts struct {
	mu       sync.Mutex
	server   event.ServerDescription // the one that is read from
	measured map[string]drift
}

type drift struct {
	missing int64 // to be added to the server's number
	until   time.Time
	running bool
}

// onServerChange forgets the drifts when another server or another process of it is read from.
func (d *drifts) onServerChange(now event.ServerDescription) {
	if now.Kind != "RSPrimary" && now.Kind != "Standalone" && now.Kind != "Mongos" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.server
	if before.Addr != now.Addr || before.TopologyVersionProcessID != now.TopologyVersionProcessID ||
		before.ElectionID != now.ElectionID {
		d.server, d.measured = now, map[string]drift{}
	}
}

// watch adds d to the monitor.
func (d *drifts) watch(m *event.ServerMonitor) *event.ServerMonitor {
	next := m.ServerDescriptionChanged
	m.ServerDescriptionChanged = func(e *event.ServerDescriptionChangedEvent) {
		next(e)
		d.onServerChange(e.NewDescription)
	}
	return m
}

// of returns the drift of a collection if it is known, and the process of the server.
func (d *drifts) of(collection string) (missing int64, process bson.ObjectID, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.measured[collection]
	return found.missing, d.server.TopologyVersionProcessID, monotonic().Before(found.until)
}

// begin reports whether the caller is to measure the drift of the collection.
func (d *drifts) begin(collection string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.measured[collection]
	if found.running || d.measured == nil {
		return false
	}
	found.running = true
	d.measured[collection] = found
	return true
}

// end stores a drift that was measured on the process. A failed measurement is repeated with a later request.
func (d *drifts) end(collection string, missing int64, process bson.ObjectID, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case process != d.server.TopologyVersionProcessID: // measured is already that of another process
	case err != nil:
		delete(d.measured, collection)
	default:
		d.measured[collection] = drift{missing: missing, until: monotonic().Add(driftFor)}
	}
}

// size returns the number of documents of the collection, whose index over the time of their creation has the name and
// the field given. It is exact unless it is called an estimate.
func (s *Store) size(ctx context.Context, coll *mongo.Collection, index, field string) (n int64, estimated bool,
	err error,
) {
	missing, process, known := s.drifts.of(coll.Name())
	if !known {
		n, err = coll.CountDocuments(ctx, bson.D{}, options.Count().SetLimit(domain.ExactTotal+1).SetHint("_id_"))
		if err == nil && n > worthMeasuring && s.drifts.begin(coll.Name()) {
			s.jobs.Go(func() { s.measure(coll.Name(), index, field, process) }) //nolint:contextcheck // outlives the request
		}
		if err != nil || n <= domain.ExactTotal {
			return n, false, failed("counting "+coll.Name(), err)
		}
	}
	if n, err = coll.EstimatedDocumentCount(ctx); err != nil {
		return 0, false, failed("counting "+coll.Name(), err)
	}
	if _, after, still := s.drifts.of(coll.Name()); known && (!still || after != process) {
		return s.size(ctx, coll, index, field) // the server was started again meanwhile
	}
	return n + missing, !known, nil
}

var errBusy = errors.New("documents are inserted all the time")

// measure counts the collection and compares the result with the server's number.
func (s *Store) measure(name, index, field string, process bson.ObjectID) {
	ctx, cancel := context.WithTimeout(context.Background(), countFor)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	// Not with read concern majority: the server's number includes writes that are not replicated yet.
	coll := s.db.Collection(name, options.Collection().SetReadConcern(readconcern.Local()))
	from := nanos(s.now().Add(-settled))
	count := func(operator string) (int64, error) {
		return coll.CountDocuments(ctx, bson.D{{Key: field, Value: bson.D{{Key: operator, Value: from}}}},
			options.Count().SetHint(index))
	}
	old, err := count("$lt")
	var missing int64
	for try := 0; err == nil; try++ {
		var before, after, recent int64
		before, err = coll.EstimatedDocumentCount(ctx)
		if err == nil {
			recent, err = count("$gte")
		}
		if err == nil {
			after, err = coll.EstimatedDocumentCount(ctx)
		}
		if missing = old + recent - before; err == nil && before == after {
			break
		}
		if err == nil && try == driftTries {
			err = errBusy
		}
	}
	s.drifts.end(name, missing, process, err)
}

package mongostore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/fault"
)

// The domain compares times with the clock of the node that handles the request. A node with a wrong clock would accept
// expired sessions and tokens, or end locks too early. Therefore each node compares its clock with the clock of the
// primary, at startup and periodically, and fails every call while the difference is greater than MaxSkew. So the
// clocks of two nodes differ by no more than twice MaxSkew. Timeouts that depend on the clock of another node are
// longer than that (holdsFor, staleAfter).
//
// The server's time in each condition ($$NOW) would need expressions in filters and pipelines in updates, which not
// every server supports, and would not be available to the domain.

// MaxSkew is the maximum difference between the clocks of a node and the primary in the service.
const MaxSkew = 10 * time.Second

// compareEvery is the interval between comparisons of the clocks.
const compareEvery = 30 * time.Second

// errSkewed is the error of every call while the clock of the node is wrong.
var errSkewed = errors.New("mongostore: the clocks of this machine and of the database differ too much")

// CompareClocks measures the difference between the clocks, less the possible effect of the round trip, and records
// whether it is greater than the limit. A failed measurement changes nothing.
func (s *Store) CompareClocks(ctx context.Context) error {
	if s.config.MaxSkew <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	var server struct {
		LocalTime bson.RawValue `bson:"localTime"`
	}
	sent, before := monotonic(), s.now()
	if err := s.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&server); err != nil {
		return failed("comparing clocks", err)
	}
	reported, ok := serverTime(server.LocalTime)
	if !ok {
		return nil // the server does not report its time
	}
	took := monotonic().Sub(sent)
	apart := reported.Sub(before.Add(took / 2)).Abs()
	skewed := apart-took/2 > s.config.MaxSkew
	s.skewed.Store(skewed)
	if skewed {
		return fault.ErrStorage.Because(fmt.Errorf("%w: by %s", errSkewed, apart.Round(time.Millisecond)))
	}
	return nil
}

// serverTime returns the time in a response to hello: a date, or the number of its milliseconds, which DocumentDB
// sends.
func serverTime(v bson.RawValue) (time.Time, bool) {
	if date, ok := v.DateTimeOK(); ok {
		return time.UnixMilli(date), true
	}
	millis, ok := v.AsInt64OK()
	return time.UnixMilli(millis), ok && millis != 0
}

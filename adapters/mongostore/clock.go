package mongostore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/fault"
)

// The rules of the domain are about times, and are applied where the request is: with the clock of its node. A node whose clock is
// wrong would let expired things live, or end what is locked too early. So each compares its clock with the primary's, at its start
// and now and then, and answers nothing while they are further apart than MaxSkew; then two nodes are no further apart than
// twice as much. Whatever waits for the clock of another node to pass waits longer than that (holdsFor, staleAfter).
//
// The server's own time in each condition ($$NOW) would need expressions in filters and pipelines in updates, which not every
// server has, and could not reach the rules.

// MaxSkew is how far apart the clocks of a node and the primary may be in the service.
const MaxSkew = 10 * time.Second

// compareEvery is how often the clocks are compared.
const compareEvery = 30 * time.Second

// errSkewed ends every call of a node whose clock is wrong.
var errSkewed = errors.New("mongostore: the clocks of this machine and of the database differ too much")

// CompareClocks measures how far apart the clocks are, without what the answer may have taken, and remembers whether that is
// too much. What could not be measured changes nothing.
func (s *Store) CompareClocks(ctx context.Context) error {
	if s.config.MaxSkew <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	var server struct {
		LocalTime bson.DateTime `bson:"localTime"`
	}
	sent, before := monotonic(), s.now()
	if err := s.client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&server); err != nil {
		return failed("comparing clocks", err)
	}
	if server.LocalTime == 0 {
		return nil // a server that does not tell
	}
	took := monotonic().Sub(sent)
	apart := server.LocalTime.Time().Sub(before.Add(took / 2)).Abs()
	skewed := apart-took/2 > s.config.MaxSkew
	s.skewed.Store(skewed)
	if skewed {
		return fault.ErrStorage.Because(fmt.Errorf("%w: by %s", errSkewed, apart.Round(time.Millisecond)))
	}
	return nil
}

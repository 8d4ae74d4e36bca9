package mongostore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/test/existence"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// commands records the round trips of a node, each with the number of documents that it writes. It leaves out the
// clearing of outboxes, which no response waits for.
type commands struct {
	mu   sync.Mutex
	seen []string
}

func (c *commands) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if strings.Contains(e.Command.String(), "outbox.id") {
			return
		}
		text := "a read"
		for verb, list := range map[string]string{"insert": "documents", "update": "updates", "delete": "deletes"} {
			if e.CommandName != verb {
				continue
			}
			documents, _ := e.Command.Lookup(list).Array().Values()
			text = fmt.Sprintf("a write of %d", len(documents))
		}
		if e.CommandName == "findAndModify" {
			text = "a write of 1"
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen = append(c.seen, text)
	}}
}

func (c *commands) cost(s *mongostore.Store) func(*testing.T, func()) []string {
	return func(t *testing.T, do func()) []string {
		t.Helper()
		if err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.mu.Lock()
		c.seen = nil
		c.mu.Unlock()
		do()
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.seen
	}
}

func TestNoRouteRevealsByItsRoundTripsWhoExists(t *testing.T) {
	t.Parallel()
	for name, start := range mongod.Kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen commands
			s, _ := openMongo(t, start(t), func(c *mongostore.Config) { c.Monitor = seen.monitor() })
			existence.Test(t, existence.Store{Ports: s.Ports(), Cost: seen.cost(s)})
		})
	}
}

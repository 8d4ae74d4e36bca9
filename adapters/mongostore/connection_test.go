package mongostore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

func with(server *mongotap.Server, options string) func(*mongostore.Config) {
	separator := "?"
	if strings.Contains(server.URI(), "?") {
		separator = "&"
	}
	return func(c *mongostore.Config) { c.URI = server.URI() + separator + options }
}

func TestPoolSizeOfURILimitsConcurrentCommands(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	var running, most atomic.Int64
	ended := func() { running.Add(-1) }
	s := openOwn(t, server, with(server, "maxPoolSize=2"), func(c *mongostore.Config) {
		c.Monitor = &event.CommandMonitor{
			Started: func(context.Context, *event.CommandStartedEvent) {
				now := running.Add(1)
				seen := most.Load()
				for now > seen && !most.CompareAndSwap(seen, now) {
					seen = most.Load()
				}
			},
			Succeeded: func(context.Context, *event.CommandSucceededEvent) { ended() },
			Failed:    func(context.Context, *event.CommandFailedEvent) { ended() },
		}
	})
	var calls sync.WaitGroup
	for range 16 {
		calls.Go(func() {
			for range 20 {
				if _, err := s.Users().Get(t.Context(), "usr_1"); !errors.Is(err, domain.ErrUserNotFound) {
					t.Error(err)
				}
			}
		})
	}
	calls.Wait()
	if most.Load() > 2 {
		t.Errorf("%d commands ran at once, want at most maxPoolSize", most.Load())
	}
}

func TestOpenRefusesTimeoutsThatItCannotKeep(t *testing.T) {
	t.Parallel()
	for _, timeout := range []string{"timeoutMS=0", "timeoutMS=99", "timeoutMS=10001"} {
		_, err := mongostore.Open(t.Context(), mongostore.Config{
			URI: "mongodb://127.0.0.1:1/?" + timeout, Database: "ostiary", Clock: newClock(),
		})
		if err == nil || !strings.Contains(err.Error(), "timeoutMS") {
			t.Errorf("Open with %s = %v, want a refusal", timeout, err)
		}
	}
}

package mongostore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
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
		c.Timeout = time.Minute
		c.Monitor = &event.CommandMonitor{
			Started: func(context.Context, *event.CommandStartedEvent) {
				now := running.Add(1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
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

// TestTimeoutOfURILimitsEachCall: the default is 2.5 seconds.
func TestTimeoutOfURILimitsEachCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		options string
		atLeast time.Duration
		atMost  time.Duration
	}{
		"shorter":            {"timeoutMS=150", 0, 2 * time.Second},
		"longer":             {"timeoutMS=3500", 3 * time.Second, time.Minute},
		"longer, by default": {"appName=x", 2 * time.Second, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mongotap.Start(t)
			openOwn(t, server) // creates the schema, which may take longer on a busy machine
			s := openOwn(t, server, with(server, tt.options))
			release := make(chan struct{})
			defer close(release)
			server.Inject(mongotap.Fault{Command: "find", Collection: "users", Times: 100, Do: mongotap.HangBefore(release)})
			began := time.Now()
			_, err := s.Users().Get(t.Context(), "usr_1")
			if took := time.Since(began); !errors.Is(err, fault.ErrStorage) || took < tt.atLeast || took > tt.atMost {
				t.Errorf("Get with %s = %v after %v", tt.options, err, took)
			}
		})
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

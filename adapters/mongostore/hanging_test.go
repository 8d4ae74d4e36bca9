//go:build !race

// The tests of this file, and of every other one with this build constraint, make a server hang for longer than two
// heartbeats of a client wait. The driver (mongo-driver 2.9.3, and 2.10.0) then closes all connections of its pool,
// also those that are being established: connection.connect writes the description of the server while
// pool.removeConnection reads it. This is a data race in the driver, which the race detector reports. `make unraced`,
// a part of `make check`, runs these tests without it.

package mongostore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// asInService sets the timeout that the connection string has, or else the default one.
func asInService(c *mongostore.Config) { c.Timeout = 0 }

func poison(t *testing.T, proxy *toxiproxy.Proxy, toxic string) {
	t.Helper()
	if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		t.Fatal(err)
	}
}

func TestCallsFailInTimeAndRecoverFromNetworkFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		breakIt, repair func(*testing.T, *toxiproxy.Proxy)
	}{
		"the server is down": {
			func(_ *testing.T, p *toxiproxy.Proxy) { p.Stop() },
			func(t *testing.T, p *toxiproxy.Proxy) {
				t.Helper()
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
			},
		},
		"replies are lost on half-open connections": {
			func(t *testing.T, p *toxiproxy.Proxy) {
				t.Helper()
				poison(t, p, `{"name": "down", "type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}`)
			},
			func(t *testing.T, p *toxiproxy.Proxy) { t.Helper(); p.Toxics.ResetToxics(t.Context()) },
		},
		"requests are lost": {
			func(t *testing.T, p *toxiproxy.Proxy) {
				t.Helper()
				poison(t, p, `{"name": "up", "type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`)
			},
			func(t *testing.T, p *toxiproxy.Proxy) { t.Helper(); p.Toxics.ResetToxics(t.Context()) },
		},
		"replies take longer than the timeout": {
			func(t *testing.T, p *toxiproxy.Proxy) {
				t.Helper()
				poison(t, p, `{"name": "slow", "type": "latency", "stream": "downstream", "attributes": {"latency": 10000}}`)
			},
			func(t *testing.T, p *toxiproxy.Proxy) { t.Helper(); p.Toxics.ResetToxics(t.Context()) },
		},
		"connections are reset": {
			func(t *testing.T, p *toxiproxy.Proxy) {
				t.Helper()
				poison(t, p, `{"name": "reset", "type": "reset_peer", "stream": "upstream", "attributes": {"timeout": 0}}`)
			},
			func(t *testing.T, p *toxiproxy.Proxy) { t.Helper(); p.Toxics.ResetToxics(t.Context()) },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy, _ := proxied(t, asInService)
			tt.breakIt(t, proxy)
			refusedInTime(t, s)
			tt.repair(t, proxy)
			waitForRecovery(t, s)
		})
	}
}

func TestCallsFailInTimeWithoutPrimary(t *testing.T) {
	t.Parallel()
	server := newSet(t)
	s := leased(t, server, server.URI(), lasting/4, asInService)
	signIn(t, s)
	server.Elect(t, -1)
	refusedInTime(t, s)
	server.Elect(t, 1)
	if _, err := s.View().Lookup(t.Context(), "sess_1"); err != nil {
		t.Errorf("Lookup after an election = %v", err)
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
			s := openOwn(t, server, with(server, tt.options), asInService)
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

// TestActivityIsKeptWhileServerHangs: a flush ends with the timeout of one call, however many notes wait, and keeps
// them.
func TestActivityIsKeptWhileServerHangs(t *testing.T) {
	t.Parallel()
	server := mongod.Start(t)
	x := newActiveSessions(t, server, 20_000)
	const timeout = 2 * time.Second
	x.timeout = timeout
	s := x.open(t)
	at := newClock().Now()
	x.touch(t, s, at)
	server.Members[0].Pause(t)
	began := time.Now()
	if err := s.FlushActivity(t.Context()); !errors.Is(err, fault.ErrStorage) {
		t.Errorf("flush = %v, want fault.ErrStorage", err)
	}
	if took := time.Since(began); took > 10*timeout { // forty chunks would take forty times as long
		t.Errorf("the flush took %v, want the timeout of a call, %v", took, timeout)
	}
	if held, dropped := s.HeldActivity(); held != len(x.ids) || dropped != 0 {
		t.Errorf("%d notes are held and %d dropped, want %d and 0", held, dropped, len(x.ids))
	}
	server.Members[0].Resume(t)
	for x.stored(t, at) < len(x.ids) {
		_ = s.FlushActivity(t.Context()) // the driver may need a moment to find the server again
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

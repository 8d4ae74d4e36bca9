package mongostore_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// proxied opens a store that reaches MongoDB through a tap, and the tap through a proxy that breaks the network.
func proxied(t *testing.T, change ...func(*mongostore.Config)) (*mongostore.Store, *toxiproxy.Proxy, *mongotap.Server) {
	t.Helper()
	server := mongotap.Start(t)
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	proxy := toxiproxy.NewProxy(api, "mongodb", "127.0.0.1:0", server.Address())
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	s := leased(t, server, "mongodb://"+proxy.Listen+"/?directConnection=true", lasting/2, change...)
	signIn(t, s)
	return s, proxy, server
}

// waitForRecovery waits until the store responds again.
func waitForRecovery(t *testing.T, s *mongostore.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		_, err := s.View().Lookup(ctx, "sess_1")
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("no response within a minute after the repair: %v", err)
		}
	}
}

func TestCallsSucceedAfterConnectionsDrop(t *testing.T) {
	t.Parallel()
	s, _, server := proxied(t)
	for range 4 {
		server.CloseConnections()
		if _, err := s.Users().Update(t.Context(), "usr_1", rename); err != nil {
			t.Fatalf("Update after all connections dropped = %v", err)
		}
	}
	user, err := s.Users().Get(t.Context(), "usr_1")
	if want := "Ada Lovelace" + strings.Repeat("!", 4); err != nil || user.FullName != want {
		t.Errorf("FullName = %q, %v; want %q: each change once", user.FullName, err, want)
	}
}

// TestOutagesLeakNothing counts the goroutines of the whole process, so it does not run in parallel.
func TestOutagesLeakNothing(t *testing.T) { //nolint:paralleltest // see above
	s, proxy, server := proxied(t)
	outage := func() {
		proxy.Stop()
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if _, err := s.View().Lookup(ctx, "sess_1"); !errors.Is(err, fault.ErrStorage) {
				t.Errorf("Look during an outage = %v, want fault.ErrStorage", err)
			}
			cancel()
		}
		if err := proxy.Start(); err != nil {
			t.Fatal(err)
		}
		waitForRecovery(t, s)
	}
	outage()
	goroutines, connections := runtime.NumGoroutine(), server.Connections()
	for range 4 {
		outage()
	}
	deadline := time.Now().Add(time.Minute)
	// Each connection takes five goroutines of the driver, the proxy and the server.
	for runtime.NumGoroutine() > goroutines+25 || server.Connections() > connections+3 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d connections after the outages, %d and %d before",
				runtime.NumGoroutine(), server.Connections(), goroutines, connections)
		}
		runtime.Gosched()
	}
}

func TestTwoNodesAreConsistent(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	nodes := []*mongostore.Store{leased(t, server, server.URI(), lasting), leased(t, server, server.URI(), lasting)}
	signIn(t, nodes[0])
	for i := range 200 {
		here, there := nodes[i%2], nodes[(i+1)%2]
		id := domain.SessionID(strings.Repeat("s", i%7+1) + "_" + strings.Repeat("x", i/7+1))
		if err := here.Sessions().Create(t.Context(), session(id)); err != nil {
			t.Fatal(err)
		}
		list(t, here, id)
		if _, err := there.View().Lookup(t.Context(), id); err != nil {
			t.Fatalf("a session created on one node is not live on the other: %v", err)
		}
		_, err := here.Users().Update(t.Context(), "usr_1", func(u *domain.User, _ *domain.Outbox) error {
			u.EndSession(id)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for n, node := range nodes {
			if _, err := node.View().Lookup(t.Context(), id); !errors.Is(err, domain.ErrSessionNotFound) {
				t.Fatalf("Lookup after revocation %d on node %d = %v, want domain.ErrSessionNotFound", i, n, err)
			}
		}
	}
}

package httpserver

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// peer is a connection of which only its other end's address is known.
type peer struct {
	net.Conn

	address net.Addr
}

func (p peer) RemoteAddr() net.Addr { return p.address }

func (peer) Close() error { return nil }

func from(address string) peer {
	return peer{address: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 4711))}
}

func TestASourceIsAnIPv4AddressOrAnIPv6Network(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	for address, want := range map[string]string{
		"192.0.2.1":                "192.0.2.1/32",
		"::ffff:192.0.2.1":         "192.0.2.1/32",
		"2001:db8:0:1:2:3:4:5":     "2001:db8:0:1::/64",
		"2001:db8:0:1:ffff::":      "2001:db8:0:1::/64",
		"fe80::1%eth0":             "fe80::/64",
		"::1":                      "::/64",
		"10.1.2.3":                 "",
		"::ffff:10.1.2.3":          "",
		"2001:db8:1:ffff::1":       "",
		"2001:db8:2:ffff::1":       "2001:db8:2:ffff::/64",
		"192.0.2.255":              "192.0.2.255/32",
		"::ffff:0:0":               "0.0.0.0/32",
		"2001:db8:0:1:2:3:4:ffff":  "2001:db8:0:1::/64",
		"2001:db8:0:2:2:3:4:ffff":  "2001:db8:0:2::/64",
		"2001:db8:0:ffff:2:3:4::":  "2001:db8:0:ffff::/64",
		"2001:db8:1:0:1:1:1:1":     "",
		"fe80::1:2:3:4%wireless-0": "fe80::/64",
	} {
		got, counted := limits{trusted: trusted}.sourceOf(from(address).address)
		if counted != (want != "") || counted && got.String() != want {
			t.Errorf("%s counts for %s (%t), want %q", address, got, counted, want)
		}
	}
}

func TestConnectionsAreCountedBySourceAndForgotten(t *testing.T) {
	t.Parallel()
	set := newConnections(wall{}, time.Second, limits{connections: 6, perSource: 2})
	admit := func(address string, want admission) *conn {
		t.Helper()
		c, got := set.admit(from(address))
		if got != want {
			t.Fatalf("%s: %d, want %d", address, got, want)
		}
		return c
	}
	first := admit("2001:db8::1", admitted)
	all := []*conn{first, admit("2001:db8::2", admitted), admit("192.0.2.1", admitted), admit("192.0.2.1", admitted)}
	admit("2001:db8::3", sourceFull)
	admit("192.0.2.1", sourceFull)
	all = append(all, admit("2001:db8:0:1::1", admitted), admit("192.0.2.2", admitted))
	admit("192.0.2.3", allFull)
	admit("192.0.2.1", sourceFull) // which costs less to refuse
	_ = first.Close()
	_ = first.Close()
	all = append(all, admit("2001:db8::3", admitted))
	admit("2001:db8::4", sourceFull)
	for _, c := range all {
		_ = c.Close()
	}
	if len(set.open) > 0 || len(set.sources) > 0 {
		t.Errorf("%d connections and %d sources are left", len(set.open), len(set.sources))
	}
}

func TestMemoryForBodiesIsBoundedForEachSourceAndForAll(t *testing.T) {
	t.Parallel()
	set := newConnections(wall{}, time.Second, limits{
		connections: 100, bodies: 100,
		trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	})
	admit := func(address string) *conn {
		c, _ := set.admit(from(address))
		return c
	}
	one, same, proxy := admit("192.0.2.1"), admit("192.0.2.1"), admit("10.0.0.1")
	steps := []struct {
		conn *conn
		size int
		want bool
	}{
		{one, 20, true}, {same, 6, false}, {same, 5, true}, {one, 1, false}, // a quarter for one source
		{proxy, 70, true}, {proxy, 6, false}, {admit("192.0.2.2"), 5, true}, {admit("192.0.2.3"), 1, false}, // all for all
	}
	for i, step := range steps {
		if got := step.conn.reserveBody(step.size); got != step.want {
			t.Fatalf("step %d: %t", i, got)
		}
	}
	one.releaseBody(20)
	if !same.reserveBody(20) || same.reserveBody(1) {
		t.Error("what was given back is not there, or more is")
	}
}

func TestMemoryIsGivenBackAfterABurst(t *testing.T) {
	t.Parallel()
	set := newConnections(wall{}, time.Second, limits{connections: 10 * burst})
	open := make([]*conn, 0, burst)
	fill := func() {
		for len(open) < burst {
			c, _ := set.admit(from("192.0.2.1"))
			open = append(open, c)
		}
	}
	leave := func(n int) {
		for _, c := range open[n:] {
			_ = c.Close()
		}
		open = open[:n]
	}
	fill()
	done, freed, look := make(chan struct{}), 0, 0
	looks := []func(){
		func() {}, func() {}, // as long as the burst goes on
		func() { leave(burst/4 + 1) }, func() {}, // and while it does not end
		func() { leave(burst / 4) }, func() { wantFreed(t, freed, 0) },
		func() { wantFreed(t, freed, 1) }, func() {}, func() {},
		// one that comes again at once is not over
		func() { wantFreed(t, freed, 1); fill() }, func() { leave(0) }, func() { fill() },
		func() { wantFreed(t, freed, 1); leave(3) }, func() {}, func() { wantFreed(t, freed, 2); leave(0) }, func() {},
	}
	set.returnMemory(done, func(<-chan struct{}, time.Duration) {
		if look == len(looks) {
			close(done)
			return
		}
		looks[look]()
		look++
	}, func() { freed++ })
	wantFreed(t, freed, 2)
}

func wantFreed(t *testing.T, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("memory was given back %d times, want %d", got, want)
	}
}

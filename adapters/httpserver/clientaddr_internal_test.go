package httpserver

import (
	"net/netip"
	"testing"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	tests := map[string]struct {
		peer      string
		forwarded []string
		trusted   []netip.Prefix
		want      string
	}{
		"without proxies the header means nothing": {"10.0.0.1", []string{"203.0.113.7"}, nil, "10.0.0.1"},
		"an untrusted peer's header means nothing": {"198.51.100.1", []string{"203.0.113.7"}, proxies, "198.51.100.1"},
		"a proxy tells its client":                 {"10.0.0.1", []string{"203.0.113.7"}, proxies, "203.0.113.7"},
		"what the client wrote to the left means nothing": {
			"10.0.0.1",
			[]string{"1.1.1.1, 203.0.113.7"},
			proxies,
			"203.0.113.7",
		},
		"trusted hops are walked over": {
			"10.0.0.1",
			[]string{"1.1.1.1, 203.0.113.7, 10.2.2.2"},
			proxies,
			"203.0.113.7",
		},
		"several headers are one list": {
			"10.0.0.1",
			[]string{"1.1.1.1", "203.0.113.7", "10.2.2.2"},
			proxies,
			"203.0.113.7",
		},
		"all trusted gives the first hop": {"10.0.0.1", []string{"10.3.3.3, 10.2.2.2"}, proxies, "10.3.3.3"},
		"no header gives the proxy":       {"10.0.0.1", nil, proxies, "10.0.0.1"},
		"garbage ends the walk at who wrote it": {
			"10.0.0.1",
			[]string{"203.0.113.7, unknown, 10.2.2.2"},
			proxies,
			"10.2.2.2",
		},
		"an empty hop ends the walk":          {"10.0.0.1", []string{"203.0.113.7,"}, proxies, "10.0.0.1"},
		"a port is cut off":                   {"10.0.0.1", []string{"203.0.113.7:4711"}, proxies, "203.0.113.7"},
		"an IPv6 hop in brackets with a port": {"10.0.0.1", []string{"[2001:db8::7]:4711"}, proxies, "2001:db8::7"},
		"an IPv6 hop in brackets":             {"10.0.0.1", []string{"[2001:db8::7]"}, proxies, "2001:db8::7"},
		"an IPv6 proxy":                       {"2001:db8:1::1", []string{"2001:db8::7"}, proxies, "2001:db8::7"},
		"a mapped peer is its IPv4 address":   {"::ffff:10.0.0.1", []string{"::ffff:203.0.113.7"}, proxies, "203.0.113.7"},
		"a zone is no part of an address":     {"fe80::1%eth0", nil, proxies, "fe80::1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := clientAddress(netip.MustParseAddr(test.peer), test.forwarded, test.trusted).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

package httpserver

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress returns the client's address: the peer, or, if the peer is a trusted proxy, the right-most hop of
// X-Forwarded-For that is not a trusted proxy. Hops to the left of it were written by the client and are ignored.
//
// A hop that cannot be parsed ends the search at the proxy that wrote it: a proxy's address shared by many clients is
// better than an address of the client's choice.
func clientAddress(peer netip.Addr, forwarded []string, trusted []netip.Prefix) netip.Addr {
	client := peer.Unmap().WithZone("")
	if len(trusted) == 0 {
		return client
	}
	for _, header := range slices.Backward(forwarded) {
		for _, text := range slices.Backward(strings.Split(header, ",")) {
			if !anyContains(trusted, client) {
				return client
			}
			hop, ok := parseHop(text)
			if !ok {
				return client
			}
			client = hop
		}
	}
	return client
}

func anyContains(networks []netip.Prefix, a netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// parseHop reads one element of X-Forwarded-For: an address, possibly with a port, as proxies write it.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.Trim(s, " \t")
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

// peerAddress returns the address of the connection's other end; the zero value where it has none.
func peerAddress(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr()
	}
	return netip.Addr{}
}

package httpserver

import (
	"net"
	"net/netip"
)

// limits bound what is open and held at a time.
type limits struct {
	connections int
	perSource   int // connections; zero bounds nothing
	bodies      int // bytes held for bodies beyond the first piece of each
	trusted     []netip.Prefix
}

// bodyShare is the part of the memory for bodies that one source may hold.
const bodyShare = 4

// source is what one network holds. It is guarded by the mutex of the connections.
type source struct {
	connections int
	bodies      int
}

// admission says what becomes of a new connection.
type admission int

const (
	admitted admission = iota
	allFull
	sourceFull
)

// sourceOf returns the network that a connection counts for: the IPv4 address or the IPv6 /64, since a client with
// one address of it has them all. Trusted proxies do not count, since they carry the connections of many clients.
func (l limits) sourceOf(a net.Addr) (netip.Prefix, bool) {
	address := peerAddress(a).Unmap().WithZone("")
	if !address.IsValid() || anyContains(l.trusted, address) {
		return netip.Prefix{}, false
	}
	bits := 32
	if address.Is6() {
		bits = 64
	}
	network, err := address.Prefix(bits)
	return network, err == nil
}

// reserveBody sets memory aside for a body, or reports that there is no room: neither all sources together nor one
// alone may fill the memory with bodies that they send slowly.
func (c *conn) reserveBody(size int) bool {
	s := c.set
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bodies+size > s.limits.bodies {
		return false
	}
	if c.source != nil {
		if c.source.bodies+size > s.limits.bodies/bodyShare {
			return false
		}
		c.source.bodies += size
	}
	s.bodies += size
	return true
}

// releaseBody releases what reserveBody has reserved.
func (c *conn) releaseBody(size int) {
	if size == 0 {
		return
	}
	s := c.set
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies -= size
	if c.source != nil {
		c.source.bodies -= size
	}
}

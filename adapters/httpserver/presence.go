package httpserver

import (
	"context"
	"net"
	"syscall"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// presence is the context of a request with the network of its client and whether the client still waits.
type presence struct {
	context.Context //nolint:containedctx // it is one, with two values more

	conn   syscall.Conn // nil where the connection cannot tell
	origin domain.Origin
}

// present returns a context with the values of ports.SourceOf, and of ports.IsThere if the connection supports it.
func present(ctx context.Context, nc net.Conn, from domain.Origin) context.Context {
	p := &presence{Context: ctx, origin: from}
	if c, ok := nc.(*conn); ok {
		p.conn, _ = c.Conn.(syscall.Conn)
	}
	return p
}

// Value returns the presence, the source, or what the context below knows.
func (p *presence) Value(key any) any {
	switch {
	case key == ports.PresenceKey{} && p.conn != nil:
		return p.isThere
	case key == ports.SourceKey{}:
		return p.origin.Network
	}
	return p.Context.Value(key)
}

// isThere checks the connection without reading from it: pipelined data is left for the next request.
func (p *presence) isThere() bool {
	raw, err := p.conn.SyscallConn()
	if err != nil {
		return false
	}
	there := true
	if err := raw.Control(func(fd uintptr) { there = isOpen(fd) }); err != nil {
		return false
	}
	return there
}

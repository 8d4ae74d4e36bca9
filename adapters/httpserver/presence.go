package httpserver

import (
	"context"
	"net"
	"syscall"

	"github.com/ostiary/ostiary/ports"
)

// presence is the context of a request that can tell whether its client still waits.
type presence struct {
	context.Context //nolint:containedctx // it is one, with a value more

	conn syscall.Conn
}

// present returns a context that knows what ports.IsThere asks, where the connection can tell.
func present(ctx context.Context, nc net.Conn) context.Context {
	c, ok := nc.(*conn)
	if !ok {
		return ctx
	}
	inner, ok := c.Conn.(syscall.Conn)
	if !ok {
		return ctx
	}
	return &presence{Context: ctx, conn: inner}
}

// Value returns the presence, or what the context below knows.
func (p *presence) Value(key any) any {
	if key == (ports.PresenceKey{}) {
		return p.isThere
	}
	return p.Context.Value(key)
}

// isThere looks at the connection without reading from it: what a client sends ahead is left for the next request.
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

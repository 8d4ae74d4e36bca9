package httpserver

import (
	"context"
	"net"
	"syscall"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// requestContext is the context of a request with the values of ports.SourceOf, and of ports.Disconnected if the
// connection supports it.
type requestContext struct {
	context.Context //nolint:containedctx // it is one, with two values more

	conn   syscall.Conn // nil if the connection does not support it
	origin domain.Origin
}

func newRequestContext(ctx context.Context, nc net.Conn, from domain.Origin) context.Context {
	r := &requestContext{Context: ctx, origin: from}
	if c, ok := nc.(*conn); ok {
		r.conn, _ = c.Conn.(syscall.Conn)
	}
	return r
}

// Value returns one of the two values, or the value of the context below.
func (r *requestContext) Value(key any) any {
	switch {
	case key == ports.DisconnectedKey{} && r.conn != nil:
		return r.disconnected
	case key == ports.SourceKey{}:
		return r.origin.Network
	}
	return r.Context.Value(key)
}

// disconnected checks the connection without reading from it: pipelined data is left for the next request.
func (r *requestContext) disconnected() bool {
	raw, err := r.conn.SyscallConn()
	if err != nil {
		return true
	}
	open := false
	err = raw.Control(func(fd uintptr) { open = isOpen(fd) })
	return err != nil || !open
}

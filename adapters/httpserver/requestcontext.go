package httpserver

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// requestContext is the context of a request: it ends with the time limit of the handler. It has the values of
// ports.SourceOf, of ports.StorageTimeOf, and of ports.Disconnected if the connection supports it. The timer is created
// when a caller first waits for the end: requests that are answered from memory need none.
type requestContext struct {
	clock    ports.Clock
	deadline time.Time
	conn     syscall.Conn // nil if the connection does not support it
	origin   *domain.Origin
	storage  ports.StorageTime

	mu    sync.Mutex
	timed context.Context //nolint:containedctx // the context with the timer; nil until a caller waits for the end
	stop  context.CancelFunc
	ended bool
}

func (r *requestContext) init(clock ports.Clock, deadline time.Time, nc net.Conn, origin *domain.Origin) {
	r.clock, r.deadline, r.origin = clock, deadline, origin
	if c, ok := nc.(*conn); ok {
		r.conn, _ = c.Conn.(syscall.Conn)
	}
}

// end cancels the context: the handler has returned.
func (r *requestContext) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.stop != nil {
		r.stop()
	}
}

// Deadline returns the time limit.
func (r *requestContext) Deadline() (time.Time, bool) { return r.deadline, true }

// Done returns a channel that is closed at the time limit, or when the handler has returned.
func (r *requestContext) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timed == nil {
		left := r.deadline.Sub(r.clock.Now())
		r.timed, r.stop = context.WithTimeout(context.Background(), left)
		if r.ended {
			r.stop()
		}
	}
	return r.timed.Done()
}

// Err returns why the context has ended; nil if it has not.
func (r *requestContext) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.timed != nil:
		return r.timed.Err()
	case r.ended:
		return context.Canceled
	case !r.clock.Now().Before(r.deadline):
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Value returns one of the three values, or what the context package needs to cancel derived contexts.
func (r *requestContext) Value(key any) any {
	switch {
	case key == ports.DisconnectedKey{} && r.conn != nil:
		return r.disconnected
	case key == ports.SourceKey{}:
		return r.origin.Network
	case key == ports.StorageTimeKey{}:
		return &r.storage
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timed == nil {
		return nil
	}
	return r.timed.Value(key)
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

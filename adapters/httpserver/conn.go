package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ostiary/ostiary/ports"
)

// connections tracks the open connections, so that a shutdown can distinguish idle ones from those with a pending
// response, and counts those of each source.
type connections struct {
	clock        ports.Clock
	readTimeout  time.Duration
	writeTimeout time.Duration
	limits       limits
	draining     atomic.Bool

	mu      sync.Mutex
	open    map[*conn]struct{}
	sources map[netip.Prefix]*source
	bodies  int           // bytes held for bodies, by all
	peak    int           // most connections since memory was given back
	none    chan struct{} // closed when the last connection is closed during a drain
}

func newConnections(clock ports.Clock, writeTimeout time.Duration, l limits) *connections {
	return &connections{
		clock: clock, writeTimeout: writeTimeout, limits: l,
		open: map[*conn]struct{}{}, sources: map[netip.Prefix]*source{}, none: make(chan struct{}),
	}
}

// admit registers a connection, or returns why it is refused.
func (s *connections) admit(nc net.Conn) (*conn, admission) {
	from, counted := s.limits.sourceOf(nc.RemoteAddr())
	s.mu.Lock()
	defer s.mu.Unlock()
	var by *source
	if counted {
		by = s.sources[from]
		if by != nil && s.limits.perSource > 0 && by.connections >= s.limits.perSource {
			return nil, sourceFull
		}
	}
	if len(s.open) >= s.limits.connections {
		return nil, allFull
	}
	if counted && by == nil {
		by = &source{}
		s.sources[from] = by
	}
	if by != nil {
		by.connections++
	}
	c := &conn{Conn: nc, set: s, from: from, source: by}
	s.open[c] = struct{}{}
	s.peak = max(s.peak, len(s.open))
	return c, admitted
}

func (s *connections) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if c.source != nil {
		if c.source.connections--; c.source.connections == 0 {
			delete(s.sources, c.from)
		}
	}
	s.noteEmpty()
}

func (s *connections) noteEmpty() {
	if !s.draining.Load() || len(s.open) > 0 {
		return
	}
	select {
	case <-s.none:
	default:
		close(s.none)
	}
}

// drain closes every connection as soon as it has no response pending, and returns when all are closed or ctx is
// done.
func (s *connections) drain(ctx context.Context) error {
	s.mu.Lock()
	s.draining.Store(true)
	s.noteEmpty()
	all := make([]*conn, 0, len(s.open))
	for c := range s.open {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.closeIfIdle()
	}
	select {
	case <-s.none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// conn is a connection that tracks whether a request is in progress. Reading bytes and closing for idleness exclude
// each other: a request is either not read at all, or gets its response.
type conn struct {
	net.Conn

	set     *connections
	from    netip.Prefix
	source  *source     // nil for one that is not counted
	lingers atomic.Bool // the client may still be sending data that will not be read
	owes    atomic.Bool // a handler has run whose response is not written yet
	// ended: the client has closed its side, and more was read than it had sent. A body that ends then is cut short: the
	// library returns io.EOF for that as for a complete one.
	ended atomic.Bool

	writeBy atomic.Int64 // the deadline of writes, in nanoseconds of Unix time

	mu     sync.Mutex
	busy   bool
	closed bool
}

// Read fails after the connection was closed for idleness, also with buffered bytes: no request may be handled any
// more.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.begin() {
		return 0, net.ErrClosed
	}
	if errors.Is(err, io.EOF) {
		if n > 0 {
			return n, nil // the next call returns the end again
		}
		c.ended.Store(true)
	}
	return n, err
}

func (c *conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.busy = true
	return true
}

// Write sets a timeout for each write: a stream may last as long as its client keeps reading.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.limitWrite(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.owes.Store(false)
	return n, err
}

// limitWrite sets the timeout of a write. One that was set a moment ago remains: it is a few percent shorter.
func (c *conn) limitWrite() error {
	by := c.set.clock.Now().Add(c.set.writeTimeout)
	if set := c.writeBy.Load(); by.UnixNano()-set < int64(c.set.writeTimeout/32) {
		return nil
	}
	c.writeBy.Store(by.UnixNano())
	return c.SetWriteDeadline(by)
}

// settle records that the response was sent, unless it is still buffered behind pipelined requests.
func (c *conn) settle() {
	if c.owes.Load() {
		return
	}
	c.mu.Lock()
	c.busy = false
	c.mu.Unlock()
	if c.set.draining.Load() {
		c.closeIfIdle()
	}
}

func (c *conn) closeIfIdle() {
	c.mu.Lock()
	idle := !c.busy && !c.closed
	if idle {
		c.closed = true
	}
	c.mu.Unlock()
	if idle {
		_ = c.finish() // no caller waits for it
	}
}

// Close closes the connection; closing it again does nothing.
func (c *conn) Close() error {
	c.mu.Lock()
	already := c.closed
	c.closed = true
	c.mu.Unlock()
	if already {
		return nil
	}
	return c.finish()
}

// abort closes a connection so that the client detects the truncation: with a reset, since an orderly close could be
// the end of the body.
func abort(nc net.Conn) {
	inner := nc
	if c, ok := inner.(*conn); ok {
		inner = c.Conn
	}
	if secure, ok := inner.(*tls.Conn); ok {
		inner = secure.NetConn()
	}
	if tcp, ok := inner.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it is closed in any case
	}
	_ = nc.Close() // it is given up
}

func (c *conn) finish() error {
	defer c.set.remove(c)
	if c.lingers.Load() {
		c.linger()
	}
	return c.Conn.Close()
}

// linger reads some of what the client still sends. Closing with unread bytes makes the kernel send a reset, which
// can overtake the response (RFC 9112, 9.6): the client would get a broken connection instead of "too large".
func (c *conn) linger() {
	const atMost, forAtMost = 16 << 20, 2 * time.Second
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		if c.SetReadDeadline(c.set.clock.Now().Add(forAtMost)) == nil {
			_, _ = io.CopyN(io.Discard, c.Conn, atMost) // whatever ends it, the connection is closed next
		}
	}
}

// listener retries failed accepts. The HTTP library stops accepting for good at the first error that is not a
// timeout, such as "too many open files": one flood of connections would end the service until it is restarted.
type listener struct {
	net.Listener

	set     *connections
	limiter *connectionLimiter
	done    chan struct{}
	once    sync.Once
	wait    func(done <-chan struct{}, d time.Duration)
}

func newListener(inner net.Listener, set *connections, limiter *connectionLimiter) *listener {
	return &listener{Listener: inner, set: set, limiter: limiter, done: make(chan struct{}), wait: wait}
}

// wait returns after d, or earlier once done is closed.
func wait(done <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// Accept returns the next connection. It retries while the system lacks the resources to open one, or the connection
// limit is reached.
func (l *listener) Accept() (net.Conn, error) {
	const first, most = 5 * time.Millisecond, time.Second
	for pause := first; ; pause = min(2*pause, most) {
		nc, err := l.Listener.Accept()
		switch {
		case err == nil:
			if c := l.admit(nc); c != nil {
				return c, nil
			}
			pause = first / 2 // doubled next
		case passes(err):
			l.wait(l.done, pause)
		default:
			return nil, err
		}
	}
}

// admit returns the connection, or nil after it was refused.
func (l *listener) admit(nc net.Conn) net.Conn {
	c, verdict := l.set.admit(nc)
	switch verdict {
	case admitted:
		return c
	case sourceFull:
		_ = nc.Close() // one source alone is at its limit: no work is spent on an answer
		l.limiter.sourceLimited(nc.RemoteAddr())
	case allFull:
		l.limiter.refuse(nc, l.set.clock.Now())
	}
	return nil
}

// passes reports whether an error of accept is temporary.
func passes(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR, syscall.EPERM,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Close stops accepting; closing again does nothing.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.done)
		err = l.Listener.Close()
	})
	return err
}

// cutOff closes the connections that are still open, also with a pending response.
func (s *connections) cutOff() {
	s.mu.Lock()
	all := make([]*conn, 0, len(s.open))
	for c := range s.open {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		_ = c.Close() // it is given up
	}
}

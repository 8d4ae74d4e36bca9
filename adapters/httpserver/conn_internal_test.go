package httpserver

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// starved is a listener that fails a number of times before it accepts.
type starved struct {
	net.Listener

	failures int
	with     error
}

func (s *starved) Accept() (net.Conn, error) {
	if s.failures > 0 {
		s.failures--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", s.with)}
	}
	a, _ := net.Pipe()
	return a, nil
}

func (s *starved) Close() error { return nil }

type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func TestListenerOutlivesTooManyOpenFiles(t *testing.T) {
	t.Parallel()
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED} {
		l := newListener(&starved{failures: 12, with: e}, newConnections(wall{}, time.Second, limits{connections: 10}),
			newConnectionLimiter(nil, nil))
		var waits []time.Duration
		l.wait = func(_ <-chan struct{}, d time.Duration) { waits = append(waits, d) }
		if _, err := l.Accept(); err != nil {
			t.Errorf("%v: %v", e, err)
		}
		if len(waits) != 12 || waits[0] != 5*time.Millisecond || waits[11] != time.Second {
			t.Errorf("%v: waited %v", e, waits)
		}
	}
	l := newListener(&starved{failures: 1, with: syscall.EBADF},
		newConnections(wall{}, time.Second, limits{connections: 10}), newConnectionLimiter(nil, nil))
	if _, err := l.Accept(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("an error that does not pass: %v", err)
	}
}

func TestReadAfterCloseForIdlenessGivesNothing(t *testing.T) {
	t.Parallel()
	server, client := net.Pipe()
	set := newConnections(wall{}, time.Second, limits{connections: 10})
	c, _ := set.admit(server)
	go func() { _, _ = client.Write([]byte("GET ")) }()
	c.mu.Lock()
	c.closed = true // as closeIfIdle does, between the bytes' arrival and their reading
	c.mu.Unlock()
	if n, err := c.Read(make([]byte, 8)); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("read %d, %v", n, err)
	}
}

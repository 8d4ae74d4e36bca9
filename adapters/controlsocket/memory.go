package controlsocket

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Memory is a listener whose connections do not leave the process.
type Memory struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

// NewMemory returns an open listener.
func NewMemory() *Memory { return &Memory{conns: make(chan net.Conn), done: make(chan struct{})} }

// Transport returns a transport to the server on the listener.
func (m *Memory) Transport() *http.Transport { return transport(m.dial) }

func (m *Memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case m.conns <- server:
		return client, nil
	case <-m.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the next connection.
func (m *Memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.conns:
		return conn, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

// Close stops accepting; closing again does nothing.
func (m *Memory) Close() error {
	m.close.Do(func() { close(m.done) })
	return nil
}

// Addr returns an address that nothing can dial.
func (m *Memory) Addr() net.Addr { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }

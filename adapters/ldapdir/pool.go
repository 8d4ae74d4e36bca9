package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

var (
	errClosed  = errors.New("the directory is closed")
	errTripped = errors.New("the directory failed several times in a row and is being probed")
)

// pool holds only connections that are bound as the service account.
type pool struct {
	dialer   *dialer
	name     string
	password string
	idleFor  time.Duration
	maxAge   time.Duration
	slots    chan struct{}
	refused  func(error) // called when the server refused the service account, before another call can try it

	mu     sync.Mutex
	idle   []*conn // the most recently used at the end
	closed bool
}

func newPool(d *dialer, s *Settings) *pool {
	return &pool{
		dialer: d, name: s.BindDN, password: s.BindPassword, idleFor: s.Pool.IdleTimeout, maxAge: s.Pool.MaxAge,
		slots: make(chan struct{}, s.Pool.Size),
	}
}

// with runs a read on a pooled connection. A stale connection is replaced once; a new one is never retried, so that a
// failing server is not queried twice.
func (p *pool) with(ctx context.Context, give <-chan struct{}, f func(c *conn) error) error {
	if err := acquire(ctx, p.slots, give); err != nil {
		return err
	}
	defer func() { <-p.slots }()
	c := p.take()
	if c == nil {
		return p.fresh(ctx, f)
	}
	err := f(c)
	p.put(c)
	if c.broken && ctx.Err() == nil {
		return p.fresh(ctx, f)
	}
	return err
}

func (p *pool) fresh(ctx context.Context, f func(c *conn) error) error {
	c, err := p.connect(ctx)
	if err != nil {
		return err
	}
	err = f(c)
	p.put(c)
	return err
}

// connect opens a connection as the service account. The caller owns it.
func (p *pool) connect(ctx context.Context) (*conn, error) {
	return p.dialer.dialReady(ctx, func(c *conn) error {
		err := c.bindService(ctx, p.name, p.password)
		if refusesAccount(err) {
			p.refused(err)
		}
		return err
	})
}

func (p *pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if !c.IsClosing() && now().Sub(c.used) < p.idleFor && now().Sub(c.born) < p.maxAge {
			return c
		}
		c.discard()
	}
	return nil
}

// put returns a connection to the pool, or closes it if it is broken.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.broken {
		c.discard()
		return
	}
	p.idle = append(p.idle, c)
}

// close closes the idle connections.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.discard()
	}
	p.idle = nil
}

// acquire waits for a slot. It ends with ctx, and when the breaker opens, since the waiting calls would only fail
// like those before them.
func acquire(ctx context.Context, slots chan struct{}, give <-chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case slots <- struct{}{}:
		select {
		case <-give: // at the same time
			<-slots
			return &outageError{cause: errTripped}
		default:
			return nil
		}
	case <-give:
		return &outageError{cause: errTripped}
	case <-ctx.Done():
		return &outageError{cause: fmt.Errorf("waiting for a connection: %w", ctx.Err())}
	}
}

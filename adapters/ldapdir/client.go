package ldapdir

import (
	"context"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// client implements one directory; the types of abilities.go expose the parts that the settings allow.
type client struct {
	id       domain.DirectoryID
	kind     string
	settings Settings
	clock    ports.Clock
	dialer   *dialer
	pool     *pool // nil without a service account
	breaker  *breaker
	logins   chan struct{}
	mapping  mapping
}

func newClient(id domain.DirectoryID, kind string, s Settings, p prepared, clock ports.Clock) *client {
	c := &client{
		id: id, kind: kind, settings: s, clock: clock, dialer: newDialer(&s, p),
		logins:  make(chan struct{}, s.Pool.MaxLogins),
		mapping: newMapping(&s),
	}
	if s.BindDN != "" {
		c.pool = newPool(c.dialer, &s)
	}
	c.breaker = newBreaker(string(id), &s, c.probe)
	if c.pool != nil {
		c.pool.refused = c.breaker.report
	}
	return c
}

func (c *client) activeDirectory() bool { return c.kind == TypeActiveDirectory }

// probe checks whether the server is healthy again, and adds its connection to the pool.
func (c *client) probe(ctx context.Context) error {
	if c.pool == nil {
		fresh, err := c.dialer.dial(ctx)
		if err == nil {
			fresh.discard()
		}
		return err
	}
	fresh, err := c.pool.connect(ctx)
	if err == nil {
		c.pool.put(fresh)
	}
	return err
}

// run runs a call with the breaker and the timeout, and translates its errors.
func (c *client) run(ctx context.Context, call func(ctx context.Context, r *reach) error) error {
	err := c.breaker.run(ctx, func(ctx context.Context, tripped <-chan struct{}) error {
		return call(ctx, &reach{client: c, tripped: tripped})
	})
	return c.translate(err)
}

// translate converts an error to one of the domain: a fault is returned unchanged, and any other error is an outage
// as text only, since no type of the library crosses the port.
func (c *client) translate(err error) error {
	if _, known := errors.AsType[*fault.Error](err); err == nil || known {
		return err
	}
	return domain.ErrDirectoryUnavailable.Because(fmt.Errorf("directory %q: %s", string(c.id), err.Error()))
}

// reach is one call's access to the server.
type reach struct {
	client  *client
	tripped <-chan struct{}
}

// service runs a read as the service account.
func (r *reach) service(ctx context.Context, f func(c *conn) error) error {
	return r.client.pool.with(ctx, r.tripped, f)
}

// own runs f on a new, unbound connection, for passwords.
func (r *reach) own(ctx context.Context, f func(c *conn) error) error {
	if err := acquire(ctx, r.client.logins, r.tripped); err != nil {
		return err
	}
	defer func() { <-r.client.logins }()
	c, err := r.client.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.discard()
	return f(c)
}

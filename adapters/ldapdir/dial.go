package ldapdir

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// restFor is how long an unreachable server is tried last.
const restFor = 30 * time.Second

// dialer opens connections to the first server of the list that responds.
type dialer struct {
	servers    []server
	roots      *x509.CertPool
	serverName string
	startTLS   bool
	connect    time.Duration
	request    time.Duration

	mu     sync.Mutex
	failed map[string]time.Time
}

func newDialer(s *Settings, p prepared) *dialer {
	return &dialer{
		servers: p.servers, roots: p.roots, serverName: s.ServerName, startTLS: s.StartTLS,
		connect: s.Timeouts.Connect, request: s.Timeouts.Request, failed: map[string]time.Time{},
	}
}

// dial returns an unbound connection. The whole dial, including the handshake, ends with ctx.
func (d *dialer) dial(ctx context.Context) (*conn, error) {
	return d.dialReady(ctx, func(*conn) error { return nil })
}

// dialReady is dial for a connection that ready has prepared. A server that fails there is skipped like an
// unreachable one: some accept connections and then do nothing.
func (d *dialer) dialReady(ctx context.Context, ready func(c *conn) error) (*conn, error) {
	var failures []error
	for _, s := range d.order() {
		c, err := d.dialServer(ctx, s)
		if err == nil {
			if err = ready(c); err != nil {
				c.discard()
			}
		}
		d.note(s, err)
		if err == nil {
			return c, nil
		}
		if refusesAccount(err) {
			return nil, err // the servers share their accounts: the next one would count a wrong password too
		}
		failures = append(failures, fmt.Errorf("connecting to %s: %w", s.url, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &outageError{cause: errors.Join(failures...)}
}

// order returns the servers as configured, with recently failed ones at the end.
func (d *dialer) order() []server {
	d.mu.Lock()
	defer d.mu.Unlock()
	var well, ill []server
	for _, s := range d.servers {
		if at, ok := d.failed[s.url]; ok && now().Sub(at) < restFor {
			ill = append(ill, s)
		} else {
			well = append(well, s)
		}
	}
	return append(well, ill...)
}

func (d *dialer) note(s server, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		delete(d.failed, s.url)
	} else if !errors.Is(err, context.Canceled) {
		d.failed[s.url] = now()
	}
}

func (d *dialer) dialServer(ctx context.Context, s server) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.connect)
	defer cancel()
	socket, err := (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	w := newWire(socket, d.request)
	stream, state, err := d.encrypt(ctx, s, w)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	l := ldap.NewConn(stream, state != nil)
	l.SetTimeout(d.request)
	l.Start()
	return &conn{Conn: l, wire: w, state: state, born: now(), used: now()}, nil
}

// encrypt returns the encrypted stream for LDAP with its TLS state, or the plain socket if the validated settings
// allow it.
func (d *dialer) encrypt(ctx context.Context, s server, w *wire) (net.Conn, *tls.ConnectionState, error) {
	if !s.tls && !d.startTLS {
		return w, nil, nil
	}
	if !s.tls {
		if err := startTLS(ctx, w); err != nil {
			return nil, nil, err
		}
	}
	name := d.serverName
	if name == "" {
		name = s.host
	}
	t := tls.Client(w, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name, RootCAs: d.roots})
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	state := t.ConnectionState()
	return t, &state, nil
}

// startTLS requests TLS (RFC 4511 section 4.14). The library's implementation has no deadline and hides why a
// certificate is refused.
func startTLS(ctx context.Context, w *wire) error {
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	defer stop()
	request := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "LDAPMessage")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "messageID"))
	extended := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil,
		"ExtendedRequest")
	extended.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", "StartTLS"))
	request.AppendChild(extended)
	if _, err := w.Write(request.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(w)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	if err := ldap.GetLDAPError(answer); err != nil {
		return fmt.Errorf("the server refused StartTLS: %w", err)
	}
	return nil
}

package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	victoria "github.com/VictoriaMetrics/metrics"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/ports"
)

// Config configures a server. Zero limits mean the defaults of the hardened profile.
type Config struct {
	// Address is the address of the public listener, such as "127.0.0.1:8080". Port 0 selects a free port.
	Address string
	// Listen opens the listener of the APIs; nil means TCP on Address.
	Listen func(ctx context.Context) (net.Listener, error)
	// ControlSocket says that the listener is the control socket, so that routes with SocketOnly can be mounted.
	ControlSocket bool
	// TLS configures TLS on the public listener; nil leaves it to a proxy.
	TLS *tls.Config
	// MetricsAddress is the address of the metrics listener; empty disables it. It is never the public listener.
	MetricsAddress string
	// Profile serves profiles of the process on the metrics listener.
	Profile bool
	// TrustedProxies are the networks whose X-Forwarded-For is trusted. Empty means none.
	TrustedProxies []netip.Prefix
	// StrictTransport sends Strict-Transport-Security. It is set if the public URL is an https one.
	StrictTransport bool

	// Ready reports whether requests can be served, for /readyz; nil means always.
	Ready func(ctx context.Context) error
	Clock ports.Clock
	// Log receives one line per request; nil disables it.
	Log *zap.Logger
	// Metrics are what the metrics listener shows. The server adds its own; nil means only these.
	Metrics *victoria.Set

	// ConnectionsPerSource limits the concurrent connections of one IPv4 address or IPv6 /64; zero means no limit.
	// Connections from TrustedProxies are not counted.
	ConnectionsPerSource int

	BodyLimit int // bytes of a body; default 64 KiB
	// bytes held at a time for bodies beyond 8 KiB, a quarter of it by one source; default 64 MiB
	BodyMemory     int
	HeaderLimit    int           // bytes of a request's head; default 16 KiB
	Connections    int           // connections at a time; default 16384
	ReadTimeout    time.Duration // for a whole request; default 15 s
	IdleTimeout    time.Duration // between requests of a connection; default 60 s
	WriteTimeout   time.Duration // for each write to make progress; default 30 s
	HandlerTimeout time.Duration // for a handler's context; default 30 s
}

func (c Config) withDefaults() (Config, error) {
	if c.Clock == nil {
		return c, errors.New("http server: no clock")
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.Metrics == nil {
		c.Metrics = victoria.NewSet()
	}
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	if c.Listen == nil {
		c.Listen = func(ctx context.Context) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", c.Address)
		}
	}
	number := func(n *int, byDefault int) {
		if *n == 0 {
			*n = byDefault
		}
	}
	span := func(d *time.Duration, byDefault time.Duration) {
		if *d == 0 {
			*d = byDefault
		}
	}
	number(&c.BodyLimit, 64<<10)
	number(&c.BodyMemory, 64<<20)
	number(&c.HeaderLimit, 16<<10)
	number(&c.Connections, 16<<10)
	span(&c.ReadTimeout, 15*time.Second)
	span(&c.IdleTimeout, 60*time.Second)
	span(&c.WriteTimeout, 30*time.Second)
	span(&c.HandlerTimeout, 30*time.Second)
	return c, nil
}

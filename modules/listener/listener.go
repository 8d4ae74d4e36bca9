// Package listener wires the public listener and the metrics listener to the APIs of the other modules.
package listener

import (
	"cmp"
	"crypto/tls"
	"errors"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/ports"
)

// APIs adds APIs to the served ones. A constructor returns it.
type APIs struct {
	fx.Out
	APIs []httpserver.API `group:"apis,flatten"`
}

// Module serves the APIs. It opens after everything that was constructed before it, and closes first.
var Module = fx.Module("listener", fx.Provide(newRegistry), fx.Invoke(serve))

type needs struct {
	fx.In
	Lifecycle fx.Lifecycle
	Config    config.Config
	Store     ports.Maintenance
	Clock     ports.Clock
	Log       *zap.Logger
	Metrics   *prometheus.Registry
	APIs      []httpserver.API `group:"apis"`
}

// newRegistry returns the metrics registry with the metrics of the process: memory, processor time, open files.
func newRegistry() (*prometheus.Registry, error) {
	registry := prometheus.NewRegistry()
	return registry, errors.Join(
		registry.Register(collectors.NewGoCollector()),
		registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
}

func serve(n needs) error {
	own, err := certificate(n)
	if err != nil {
		return err
	}
	slices.SortFunc(n.APIs, func(a, b httpserver.API) int { return cmp.Compare(a.Name, b.Name) }) // Fx fills groups in random order
	server, err := httpserver.New(httpserver.Config{
		Address: n.Config.HTTP.Address, TLS: own, MetricsAddress: n.Config.MetricsAddress(),
		TrustedProxies:       n.Config.HTTP.TrustedProxies,
		ConnectionsPerSource: n.Config.HTTP.MaxConnectionsPerSource,
		StrictTransport:      strings.HasPrefix(n.Config.HTTP.PublicURL, "https://"),
		Ready:                n.Store.Ping, Clock: n.Clock, Log: n.Log.Named("http"), Registry: n.Metrics,
	}, n.APIs...)
	if err != nil {
		return err
	}
	n.Lifecycle.Append(fx.Hook{OnStart: server.Open, OnStop: server.Close})
	n.Lifecycle.Append(fx.StartHook(func() {
		n.Log.Info("ready", zap.Stringer("address", server.Addr()), zap.String("public_url", n.Config.HTTP.PublicURL))
	}))
	return nil
}

func certificate(n needs) (*tls.Config, error) {
	files := n.Config.HTTP.TLS
	if !files.Enabled() {
		return nil, nil //nolint:nilnil // nil means no TLS
	}
	return httpserver.TLSFiles(files.CertificateFile, files.PrivateKeyFile, n.Clock, n.Log.Named("tls"))
}

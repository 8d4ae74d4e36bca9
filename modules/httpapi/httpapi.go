// Package httpapi serves the APIs and the pages on the public listener, and the metrics on theirs.
package httpapi

import (
	"crypto/tls"
	"io"

	victoria "github.com/VictoriaMetrics/metrics"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/syncmetrics"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/ports"
)

// Module serves the APIs. It is the last of the server's modules: the listener opens after everything else has
// started, and closes first.
var Module = fx.Module("httpapi", fx.Invoke(serve))

type deps struct {
	fx.In
	Lifecycle fx.Lifecycle
	Config    config.Config
	Services  *core.Services
	Storage   ports.Storage
	Clock     ports.Clock
	Log       *zap.Logger
}

func serve(d deps) error {
	apis, err := newAPIs(d)
	if err != nil {
		return err
	}
	own, err := certificate(d)
	if err != nil {
		return err
	}
	server, err := httpserver.New(httpserver.Config{
		Address: d.Config.HTTP.Address, TLS: own, MetricsAddress: d.Config.MetricsAddress(),
		Profile:              d.Config.Profile(),
		TrustedProxies:       d.Config.HTTP.TrustedProxies,
		ConnectionsPerSource: d.Config.HTTP.MaxConnectionsPerSource,
		StrictTransport:      overHTTPS(d.Config),
		Ready:                d.Storage.Maintenance.Ping, Clock: d.Clock, Log: d.Log.Named("http"),
		Metrics: newMetrics(d.Services),
	}, apis...)
	if err != nil {
		return err
	}
	d.Lifecycle.Append(fx.Hook{OnStart: server.Open, OnStop: server.Close})
	d.Lifecycle.Append(fx.StartHook(func() {
		d.Log.Info("ready", zap.Stringer("address", server.Addr()), zap.String("public_url", d.Config.HTTP.PublicURL))
	}))
	return nil
}

// newMetrics returns a set with the metrics of the process (memory, processor time, open files) and of the directory
// synchronization and the watch over the providers.
func newMetrics(s *core.Services) *victoria.Set {
	set := victoria.NewSet()
	for _, write := range []func(to io.Writer){
		victoria.WriteGoMetrics, victoria.WriteProcMetrics, victoria.WriteFDMetrics, syncmetrics.Writer(s.Directory.Numbers),
		syncmetrics.Checks(s.SSO.FailingProviders),
	} {
		set.RegisterMetricsWriter(write)
	}
	return set
}

func certificate(d deps) (*tls.Config, error) {
	files := d.Config.HTTP.TLS
	if !files.Enabled() {
		return nil, nil //nolint:nilnil // nil means no TLS
	}
	return httpserver.TLSFiles(files.CertificateFile, files.PrivateKeyFile, d.Clock, d.Log.Named("tls"))
}

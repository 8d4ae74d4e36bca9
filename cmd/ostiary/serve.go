package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/modules"
)

func (a *app) serveCommand() *cobra.Command {
	var profile string
	c := &cobra.Command{
		Use: "serve", Short: "Start the service", Args: args(cobra.NoArgs),
		Long: `Starts the service and runs it until SIGINT or SIGTERM. On shutdown it accepts no new requests,
waits up to http.shutdown_timeout for requests in progress, and exits with 0.

Without configuration it listens on http://localhost:8080 (loopback only) and stores its data in
./ostiary-data.`,
		Example: `  ostiary serve
  ostiary serve --config /etc/ostiary.yaml
  OSTIARY_HTTP_ADDRESS=127.0.0.1:9000 ostiary serve --data-dir /var/lib/ostiary
  ostiary serve --profile
  go tool pprof http://127.0.0.1:9090/debug/pprof/profile?seconds=10`,
		RunE: func(c *cobra.Command, _ []string) error {
			a.profile = profile
			configuration, err := a.whole(c.Context())
			if err != nil {
				return err
			}
			return serve(c.Context(), configuration)
		},
	}
	c.Flags().StringVar(&profile, "profile", "",
		"serve profiles of the process at /debug/pprof/ of metrics.address, `on` loopback; =remote allows other addresses")
	c.Flags().Lookup("profile").NoOptDefVal = config.ProfileOn
	return c
}

// serve runs the service until ctx is done.
func serve(ctx context.Context, c config.Config) error {
	log := zap.NewNop()
	defer func() { _ = log.Sync() }() // a stop that reaches its time limit leaves lines behind
	service := fx.New(
		modules.Server(c),
		fx.WithLogger(quietly),
		fx.Invoke(func(log *zap.Logger) { warn(log, c) }),
		fx.Populate(&log),
		fx.StopTimeout(c.HTTP.ShutdownTimeout),
	)
	if err := service.Err(); err != nil {
		return dig.RootCause(err)
	}
	tuneCollector(ctx)
	if err := service.Start(ctx); err != nil {
		return dig.RootCause(err)
	}
	select {
	case <-ctx.Done():
	case <-service.Wait():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.HTTP.ShutdownTimeout)
	defer cancel()
	return service.Stop(stopping)
}

// quietly returns a logger for Fx that logs at the level debug. Errors of Fx are also returned.
func quietly(log *zap.Logger) fxevent.Logger {
	l := &fxevent.ZapLogger{Logger: log.Named("fx")}
	l.UseLogLevel(zap.DebugLevel)
	l.UseErrorLevel(zap.DebugLevel)
	return l
}

func warn(log *zap.Logger, c config.Config) {
	for _, w := range slices.Concat(c.Warnings(), c.FileWarnings()) {
		log.Warn("configuration", zap.String("key", w.Key), zap.String("problem", w.Problem))
	}
}

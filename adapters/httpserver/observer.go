package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	victoria "github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
)

const (
	// observers is the maximum number of connections to the metrics listener.
	observers = 64
	// scrapes is the maximum number of concurrent requests to it; each formats all metrics or writes a profile.
	scrapes = 4
	// textFormat is the media type of the Prometheus text format.
	textFormat = "text/plain; version=0.0.4; charset=utf-8"
	plainText  = "text/plain; charset=utf-8"
)

// observer is the metrics listener. Nothing of it is reachable on the public one.
type observer struct {
	listener net.Listener
	server   *fasthttp.Server
	metrics  *victoria.Set
	profiles bool
	log      *zap.Logger
	busy     chan struct{}
	closing  <-chan struct{} // closed when the server stops: a running profile ends
	stop     func()          // closes closing
	served   chan error
}

// openObserver returns nil where no metrics address is configured.
func openObserver(ctx context.Context, cfg Config) (*observer, error) {
	if cfg.MetricsAddress == "" {
		return nil, nil //nolint:nilnil // a nil observer is one that observes nothing, and all methods take it
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.MetricsAddress)
	if err != nil {
		return nil, fmt.Errorf("metrics listener: %w", err)
	}
	closing, stop := context.WithCancel(context.WithoutCancel(ctx))
	o := &observer{
		listener: l, metrics: cfg.Metrics, profiles: cfg.Profile, log: cfg.Log,
		busy: make(chan struct{}, scrapes), closing: closing.Done(), stop: stop, served: make(chan error, 1),
	}
	o.server = &fasthttp.Server{
		Handler: o.serve, ErrorHandler: refuseObserver, GetOnly: true, Concurrency: observers,
		ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout, IdleTimeout: cfg.IdleTimeout,
		ReadBufferSize: cfg.HeaderLimit, MaxRequestBodySize: 1 << 10, ReduceMemoryUsage: true, CloseOnShutdown: true,
		NoDefaultServerHeader: true, NoDefaultContentType: true, SecureErrorLogMessage: true,
		Logger: quiet{cfg.Log.With(zap.String("listener", "metrics"))},
	}
	go func() {
		o.served <- o.server.Serve(l)
		close(o.served)
	}()
	return o, nil
}

// refuseObserver responds to input that is not a request. The text of the library's error quotes the input.
func refuseObserver(ctx *fasthttp.RequestCtx, _ error) {
	reply(ctx, http.StatusBadRequest, "bad request")
}

func reply(ctx *fasthttp.RequestCtx, status int, text string) {
	ctx.Response.Reset()
	ctx.SetStatusCode(status)
	ctx.SetContentType(plainText)
	ctx.SetBodyString(text + "\n")
}

// serve responds to a request. A panic is logged and becomes a 500: the library has no recovery.
func (o *observer) serve(ctx *fasthttp.RequestCtx) {
	defer func() {
		if p := recover(); p != nil {
			o.log.Error("metrics", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			reply(ctx, http.StatusInternalServerError, "internal error")
		}
	}()
	select {
	case o.busy <- struct{}{}:
		defer func() { <-o.busy }()
	default:
		reply(ctx, http.StatusServiceUnavailable, "too many requests at a time")
		return
	}
	switch path := string(ctx.Path()); {
	case path == "/metrics":
		o.scrape(ctx)
	case o.profiles && isProfile(path):
		o.profile(ctx, path)
	default:
		reply(ctx, http.StatusNotFound, "not found")
	}
}

// scrape responds with all metrics in the Prometheus text format.
func (o *observer) scrape(ctx *fasthttp.RequestCtx) {
	var written strings.Builder
	o.metrics.WritePrometheus(&written)
	text := []byte(help.Replace(written.String()))
	ctx.SetContentType(textFormat)
	if !ctx.Request.Header.HasAcceptEncoding("gzip") {
		ctx.SetBody(text)
		return
	}
	ctx.Response.Header.SetContentEncoding("gzip")
	ctx.SetBody(fasthttp.AppendGzipBytesLevel(nil, text, fasthttp.CompressBestSpeed))
}

func (o *observer) addr() net.Addr {
	if o == nil {
		return nil
	}
	return o.listener.Addr()
}

func (o *observer) close(ctx context.Context) error {
	if o == nil {
		return nil
	}
	o.stop()
	return errors.Join(o.server.ShutdownWithContext(ctx), <-o.served)
}

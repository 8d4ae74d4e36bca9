package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Server serves the APIs that are mounted on it.
type Server struct {
	cfg     Config
	app     *fiber.App
	handler fasthttp.RequestHandler
	http    *fasthttp.Server
	apis    []*API
	mounts  []*mount
	shares  bool                // some API lets pages of other origins call it
	literal map[string][]*mount // the routes of each path without parameters
	streams []*mount            // the routes that read their body as a stream
	metrics *metrics

	conns    *connections
	listener *listener
	observer *observer
	served   chan error
}

// New returns a server with the APIs mounted, and the service's own pages: /healthz and /readyz. It opens nothing. A
// route that cannot be mounted is an error.
func New(cfg Config, apis ...API) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, literal: map[string][]*mount{}, served: make(chan error, 1)}
	s.metrics = newMetrics(cfg.Metrics)
	s.app = fiber.New(s.profile())
	s.app.Use(s.around)
	for _, api := range append([]API{s.health()}, apis...) {
		if err := s.mountAPI(api); err != nil {
			return nil, err
		}
	}
	s.handler = s.app.Handler()
	s.http = s.transport()
	return s, nil
}

// profile is the hardened set-up of the router. Each line is there because the default did harm, and has a test.
func (s *Server) profile() fiber.Config {
	return fiber.Config{
		AppName:       "ostiary",
		Network:       fiber.NetworkTCP,
		Immutable:     true, // else strings are buffers that the next request overwrites
		CaseSensitive: true, // else /USERS passes guards on /users
		StrictRouting: true,
		// An empty list of proxies makes the library believe no forwarding header; ours is read in clientAddress.
		EnableTrustedProxyCheck:      true,
		TrustedProxies:               nil,
		DisablePreParseMultipartForm: true,
		DisableStartupMessage:        true,
		ErrorHandler:                 s.onError,
		BodyLimit:                    s.cfg.BodyLimit,
		ReadBufferSize:               s.cfg.HeaderLimit,
	}
}

// transport is the hardened set-up below the router.
func (s *Server) transport() *fasthttp.Server {
	return &fasthttp.Server{
		Handler:                      s.serve,
		ErrorHandler:                 s.onBrokenRequest,
		ConnState:                    onConnState,
		Concurrency:                  2 * s.cfg.Connections, // the listener keeps to the limit
		ReadBufferSize:               s.cfg.HeaderLimit,
		MaxRequestBodySize:           s.cfg.BodyLimit,
		ReadTimeout:                  s.cfg.ReadTimeout,
		IdleTimeout:                  s.cfg.IdleTimeout,
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true,
		HeaderReceived:               s.onHead,
		StreamRequestBody:            true, // see readBody
		// an idle connection keeps neither the last request's buffers nor the last answer's
		ReduceMemoryUsage: true,
		Logger:            quiet{s.cfg.Log},
	}
}

// Open listens and begins to serve. It returns once connections are accepted.
func (s *Server) Open(ctx context.Context) error {
	inner, err := s.cfg.Listen(ctx)
	if err != nil {
		return fmt.Errorf("opening the listener: %w", err)
	}
	if s.observer, err = openObserver(ctx, s.cfg); err != nil {
		return errors.Join(err, inner.Close())
	}
	if s.cfg.TLS != nil {
		inner = tls.NewListener(inner, s.cfg.TLS) // shakes hands at the first read, within ReadTimeout
	}
	s.conns = newConnections(s.cfg.Clock, s.cfg.WriteTimeout, limits{
		connections: s.cfg.Connections, perSource: s.cfg.ConnectionsPerSource, bodies: s.cfg.BodyMemory,
		trusted: s.cfg.TrustedProxies,
	})
	s.conns.readTimeout = s.cfg.ReadTimeout
	s.listener = newListener(inner, s.conns, newConnectionLimiter(s.full, s.sourceLimited()))
	go s.conns.returnMemory(s.listener.done, wait, freeMemory)
	go func() {
		s.served <- s.http.Serve(s.listener)
		close(s.served)
	}()
	return nil
}

// Addr returns the listener's address; nil before Open.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// MetricsAddr returns the metrics listener's address; nil where there is none.
func (s *Server) MetricsAddr() net.Addr { return s.observer.addr() }

// Close stops accepting, lets every request that was begun have its answer, and closes everything. When ctx ends first,
// what is left is cut off and its error returned. Closing again does nothing.
func (s *Server) Close(ctx context.Context) error {
	if s.listener == nil {
		return nil
	}
	err := s.listener.Close()
	drained := s.conns.drain(ctx)
	if drained != nil {
		s.conns.cutOff()
	}
	// No running request has a pending response, so only the library's own cleanup needs a wait.
	stopped := s.http.ShutdownWithContext(ctx)
	return errors.Join(err, drained, stopped, <-s.served, s.observer.close(ctx))
}

// RouteInfo describes a mounted route.
type RouteInfo struct {
	API    string
	Method string
	Path   string // with the API's prefix
	Access Access
}

// Routes lists what is mounted, in the order of mounting.
func (s *Server) Routes() []RouteInfo {
	all := make([]RouteInfo, 0, len(s.mounts))
	for _, m := range s.mounts {
		all = append(all, RouteInfo{API: m.api.Name, Method: m.Method, Path: m.full, Access: m.Access})
	}
	return all
}

// serve comes before the router.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	c, tracked := ctx.Conn().(*conn)
	if !tracked {
		ctx.SetConnectionClose() // the listener makes no other
		return
	}
	c.owes.Store(true)
	if f := refusalOf(&ctx.Request.Header); f != nil {
		s.refuseUnread(ctx, f)
		return
	}
	if s.streamsBody(&ctx.Request.Header) {
		c.lingers.Store(true) // the handler need not read all of it
		ctx.SetConnectionClose()
	} else {
		held, f := s.readBody(ctx, c)
		if f != nil {
			s.refuseUnread(ctx, f)
			return
		}
		defer c.releaseBody(held)
	}
	if !served(ctx.Method()) {
		// The router responds to an unknown method in its own format; a known method without a route gets a 405 with
		// Allow. TRACE is such a method.
		ctx.Request.Header.SetMethod(http.MethodTrace)
	}
	s.handler(ctx)
	if c.set.draining.Load() {
		ctx.SetConnectionClose()
	}
}

func onConnState(nc net.Conn, state fasthttp.ConnState) {
	if c, ok := nc.(*conn); ok && state == fasthttp.StateIdle {
		c.settle()
	}
}

type requestKey struct{}

func requestOf(c *fiber.Ctx) *Request {
	r, _ := c.Locals(requestKey{}).(*Request)
	return r
}

// around is every request's frame: its identity, its time limit, its answer, its line in the log.
func (s *Server) around(c *fiber.Ctx) error {
	began := s.cfg.Clock.Now()
	r := &Request{c: c, Origin: s.originOf(c), log: s.cfg.Log}
	r.ctx.init(s.cfg.Clock, began.Add(s.cfg.HandlerTimeout), c.Context().Conn(), &r.Origin)
	defer r.ctx.end()
	r.Principal = domain.Anonymous(r.Origin)
	c.Locals(requestKey{}, r)
	s.setHeaders(r)
	if err := s.guarded(r); err != nil {
		s.fail(r, faultOf(err))
	}
	s.observe(r, s.cfg.Clock.Now().Sub(began))
	return nil
}

func (s *Server) originOf(c *fiber.Ctx) domain.Origin {
	var forwarded []string
	if len(s.cfg.TrustedProxies) > 0 {
		for _, v := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
			forwarded = append(forwarded, string(v))
		}
	}
	return domain.Origin{
		Address:   clientAddress(peerAddress(c.Context().RemoteAddr()), forwarded, s.cfg.TrustedProxies),
		UserAgent: userAgent(c.Get(fiber.HeaderUserAgent)),
		RequestID: requestID(c.Get(fiber.HeaderXRequestID)),
	}
}

// userAgent sanitizes the User-Agent header, which is text of the client's choice.
func userAgent(s string) string {
	const most = 512
	if len(s) > most {
		s = s[:most]
	}
	if isPrintable(s) {
		return s
	}
	return strings.ToValidUTF8(strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s), "?")
}

// isPrintable reports whether s consists of ASCII characters without controls.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// guarded runs the request and turns a panic into an error: without it, one ends the process.
func (s *Server) guarded(r *Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.c.Response().ResetBody()
			err = fault.ErrInternal.Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if s.cors(r) {
		return nil
	}
	if len(r.c.Request().Header.RequestURI()) > maxURL {
		return ErrHeadTooLarge
	}
	return r.c.Next()
}

const maxURL = 4096

func itoa(n int) string { return strconv.Itoa(n) }

func ceilSeconds(d time.Duration) int { return max(0, int((d+time.Second-1)/time.Second)) }

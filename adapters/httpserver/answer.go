package httpserver

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// setHeaders sets the headers of every response. A route may replace them.
func (s *Server) setHeaders(r *Request) {
	h := &r.c.Response().Header
	h.SetCanonical(requestIDHeader, []byte(r.Origin.RequestID))
	s.setFixedHeaders(h)
}

// fixedHeaders contains the headers of every response: it is data, never a page, and a browser must neither cache,
// sniff, frame nor run it.
var fixedHeaders = [][2][]byte{
	{[]byte(fiber.HeaderCacheControl), []byte("no-store")},
	{[]byte(fiber.HeaderXContentTypeOptions), []byte("nosniff")},
	{[]byte(fiber.HeaderContentSecurityPolicy), []byte("default-src 'none'; frame-ancestors 'none'")},
	{[]byte(fiber.HeaderReferrerPolicy), []byte("no-referrer")},
	{[]byte("Cross-Origin-Resource-Policy"), []byte("same-origin")},
}

var requestIDHeader = []byte("X-Request-Id")

func (s *Server) setFixedHeaders(h *fasthttp.ResponseHeader) {
	for i := range fixedHeaders {
		h.SetCanonical(fixedHeaders[i][0], fixedHeaders[i][1])
	}
	if s.cfg.StrictTransport {
		h.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000; includeSubDomains")
	}
}

// fail writes an error response. It is the only function that converts errors to responses.
func (s *Server) fail(r *Request, f *fault.Error) {
	api := s.apiOf(r)
	f = noteDenied(&r.ctx, r, api, f)
	r.fault = f
	body, err := api.Failure(f, r.Origin.RequestID)
	if err != nil {
		f = fault.ErrInternal.Because(errors.Join(f, err))
		r.fault = f
		body, _ = contractFailure(fault.ErrInternal, r.Origin.RequestID) // three strings always marshal
	}
	h := &r.c.Response().Header
	if f.Kind == fault.MethodNotAllowed {
		// The router would list every route that the path might match, including those with parameters.
		h.Set(fiber.HeaderAllow, allow(s.routesAt(r.c.Path())))
	}
	if f.Kind == fault.Unauthenticated {
		h.Set(fiber.HeaderWWWAuthenticate, api.Challenge)
	}
	if f.RetryAfter() > 0 {
		h.Set(fiber.HeaderRetryAfter, retryAfter(f.RetryAfter()))
	}
	r.RateLimit(domain.RateState{Limit: f.Limit(), Reset: f.RetryAfter()}) // an exceeded limit has nothing remaining
	h.Set(fiber.HeaderCacheControl, "no-store")
	_ = r.Raw(StatusOf(f.Kind), "application/json; charset=utf-8", body) // it only sets the answer's fields
}

// noteDenied records a refusal in the audit log.
func noteDenied(ctx context.Context, r *Request, api *API, f *fault.Error) *fault.Error {
	if api.Denied == nil || r.mount == nil || r.Principal.Actor() == "" || !r.refused && !f.Is(fault.ErrForbidden) {
		return f
	}
	if err := api.Denied(ctx, r.Principal, r.mount.Method+" "+r.mount.full); err != nil {
		return faultOf(err)
	}
	return f
}

// apiOf returns the API of a request, also if no route matched.
func (s *Server) apiOf(r *Request) *API {
	if r.mount != nil {
		return r.mount.api
	}
	return s.apiAt(r.c.Path())
}

func (s *Server) apiAt(path string) *API {
	if routes := s.literal[path]; len(routes) > 0 {
		return routes[0].api
	}
	best := s.apis[0]
	for _, api := range s.apis {
		if (path == api.Prefix || strings.HasPrefix(path, api.Prefix+"/")) && len(api.Prefix) > len(best.Prefix) {
			best = api
		}
	}
	return best
}

// onError handles errors outside of pass through. None is known to arrive here; if one does, the response contains no
// text of a library.
func (s *Server) onError(c *fiber.Ctx, err error) error {
	r := &Request{c: c, Origin: s.originOf(c)}
	s.setHeaders(r)
	s.fail(r, faultOf(err))
	return nil
}

// onBrokenRequest responds to input that is not a request: a malformed or oversized head, or one that arrived too
// slowly.
func (s *Server) onBrokenRequest(ctx *fasthttp.RequestCtx, err error) {
	s.refuseUnread(ctx, ofConnection(err))
}

// refuseUnread responds to a request whose body, or more, was not read, and closes the connection, since the start of
// the next request is unknown.
func (s *Server) refuseUnread(ctx *fasthttp.RequestCtx, f *fault.Error) {
	if c, ok := ctx.Conn().(*conn); ok {
		c.lingers.Store(true)
	}
	id := requestID(string(ctx.Request.Header.Peek(fiber.HeaderXRequestID)))
	path := targetPath(string(ctx.Request.Header.RequestURI()))
	body, err := s.apiAt(path).Failure(f, id)
	if err != nil {
		body, _ = contractFailure(f, id) // as in fail
	}
	status := StatusOf(f.Kind)
	ctx.Response.Reset()
	s.setFixedHeaders(&ctx.Response.Header)
	ctx.Response.Header.Set(fiber.HeaderXRequestID, id)
	s.shareAnswer(path, &ctx.Request.Header, &ctx.Response.Header)
	ctx.SetContentType("application/json; charset=utf-8")
	ctx.SetStatusCode(status)
	if f.RetryAfter() > 0 {
		ctx.Response.Header.Set(fiber.HeaderRetryAfter, retryAfter(f.RetryAfter()))
	}
	ctx.SetBody(body)
	ctx.SetConnectionClose()
	s.metrics.broken(status)
}

// observe counts and logs the request. Neither contains a header, the query string, the body or a person's name: path
// parameters are ids.
func (s *Server) observe(r *Request, took time.Duration) {
	status := r.c.Response().StatusCode()
	route := "unknown"
	if r.mount != nil {
		route = r.mount.full
		r.mount.metrics.observe(status, took)
	} else {
		s.metrics.unmatched(status)
	}
	entry := s.cfg.Log.Check(levelOf(status), "request")
	if entry == nil {
		return
	}
	kept, _ := logFields.Get().(*[]zap.Field)
	fields := append((*kept)[:0],
		zap.String("request_id", r.Origin.RequestID), zap.String("method", r.c.Method()), zap.String("route", route),
		zap.Int("status", status), zap.Duration("took", took), zap.String("client", r.Origin.IP()),
	)
	if actor := r.Principal.Actor(); actor != "" {
		fields = append(fields, zap.String("actor", actor))
	}
	if r.fault != nil {
		fields = append(fields, failureFields(r.fault)...)
	}
	entry.Write(fields...)
	clear(fields)
	*kept = fields
	logFields.Put(kept)
}

// logFields keeps the memory of the fields of log lines.
var logFields = sync.Pool{New: func() any { return new(make([]zap.Field, 0, 12)) }}

func failureFields(f *fault.Error) []zap.Field {
	fields := []zap.Field{zap.String("failure", f.Code)}
	if cause := f.Unwrap(); cause != nil {
		fields = append(fields, zap.String("cause", cause.Error()))
	}
	return fields
}

// levelOf logs internal errors at a higher level; an outage of another system is not a defect.
func levelOf(status int) zapcore.Level {
	switch {
	case status == fiber.StatusServiceUnavailable:
		return zapcore.WarnLevel
	case status >= fiber.StatusInternalServerError:
		return zapcore.ErrorLevel
	default:
		return zapcore.InfoLevel
	}
}

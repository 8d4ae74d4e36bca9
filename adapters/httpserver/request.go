package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Request is one request in progress, with its response. It belongs to its handler and must not be kept beyond it;
// the strings that it returns may be.
type Request struct {
	// Origin is the origin of the request; its RequestID is the same in response, log and audit entry.
	Origin domain.Origin
	// Principal is the principal of the request: anonymous on a public route.
	Principal domain.Principal

	c       *fiber.Ctx
	ctx     requestContext
	mount   *mount
	refused bool         // for want of a permission, whatever the answer says
	fault   *fault.Error // what the answer reports, for the log
	log     *zap.Logger

	undecoded bool // the handler could not decode the body
}

// Context returns the request's context. It ends with the handler's timeout.
func (r *Request) Context() context.Context { return &r.ctx }

// Credential returns the one credential that was sent, or "".
func (r *Request) Credential() (string, error) { return r.mount.api.Credential(r) }

// Renewal returns a function that authenticates the request's credential again, for an operation whose duration the
// client decides. The function may be called after the handler has returned.
func (r *Request) Renewal() (func(ctx context.Context) (domain.Principal, error), error) {
	credential, err := r.Credential()
	api, from := r.mount.api, r.Origin
	return func(ctx context.Context) (domain.Principal, error) { return api.Authenticate(ctx, credential, from) }, err
}

// Refusal returns the error that the route's handler would return to the principal, as far as its Check determines
// it.
func (r *Request) Refusal() error {
	if r.mount.Check == nil {
		return nil
	}
	return r.mount.Check(r)
}

// Param returns a path parameter, decoded once. The server has validated that it contains no control character, and
// unless it is a name also no slash and no further escape.
func (r *Request) Param(name string) string {
	value, _ := decodeParam(r.c.Params(name), r.mount.Names) // it was checked before the handler ran
	return value
}

// Header returns a request header; empty where it is absent.
func (r *Request) Header(name string) string { return strings.Clone(r.c.Get(name)) }

// only returns a header that may be given once, and how often it is.
func (r *Request) only(name string) (value string, times int) {
	all := r.c.Request().Header.PeekAll(name)
	if len(all) == 0 {
		return "", 0
	}
	return string(all[0]), len(all)
}

// Query decodes the query string.
func (r *Request) Query() (Query, error) {
	raw := r.c.Request().URI().QueryString()
	if len(raw) == 0 {
		return Query{}, nil
	}
	return ParseQuery(string(raw))
}

// Path returns the path as it was sent.
func (r *Request) Path() string { return strings.Clone(r.c.Path()) }

// HasBody reports whether a body was sent.
func (r *Request) HasBody() bool { return len(r.c.BodyRaw()) > 0 }

// Body returns a copy of the body as it was sent.
func (r *Request) Body() []byte { return append([]byte(nil), r.c.BodyRaw()...) }

// Decode reads the JSON body into the struct that into points to: as DecodePost does for a POST or PUT request, and as
// DecodeJSON does for a merge patch, where null is a value of its own.
func (r *Request) Decode(into any) error {
	decode := DecodeJSON
	if r.c.Method() != fiber.MethodPatch {
		decode = DecodePost
	}
	err := decode(r.c.BodyRaw(), into)
	r.undecoded = r.undecoded || err != nil
	return err
}

// SetHeader sets a response header.
func (r *Request) SetHeader(name, value string) { r.c.Set(name, value) }

// RateLimit sets the headers RateLimit-Limit, -Remaining and -Reset (seconds). Without a limit it sets none.
func (r *Request) RateLimit(state domain.RateState) {
	if state.Limit <= 0 {
		return
	}
	r.c.Set("RateLimit-Limit", itoa(state.Limit))
	r.c.Set("RateLimit-Remaining", itoa(max(0, state.Remaining)))
	r.c.Set("RateLimit-Reset", itoa(ceilSeconds(state.Reset)))
}

// JSON responds with a status and a body.
func (r *Request) JSON(status int, body any) error {
	// members of a map in one order, so that answers can be compared
	raw, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return fault.ErrInternal.Because(err)
	}
	return r.Raw(status, "application/json; charset=utf-8", raw)
}

// Reply responds 200 with a body, or returns the error of what was to give it.
func (r *Request) Reply(body any, err error) error {
	if err != nil {
		return err
	}
	return r.JSON(fiber.StatusOK, body)
}

// Created is Reply with the status 201 and the path of the created object.
func (r *Request) Created(location string, body any, err error) error {
	if err != nil {
		return err
	}
	r.c.Set(fiber.HeaderLocation, location)
	return r.JSON(fiber.StatusCreated, body)
}

// Raw responds with the given bytes.
func (r *Request) Raw(status int, contentType string, body []byte) error {
	r.c.Status(status).Set(fiber.HeaderContentType, contentType)
	return r.c.Send(body)
}

// Answered returns copies of the response so far.
func (r *Request) Answered() (status int, location string, body []byte) {
	res := r.c.Response()
	return res.StatusCode(), string(res.Header.Peek(fiber.HeaderLocation)), append([]byte(nil), res.Body()...)
}

// Redirect responds 302 with a URL.
func (r *Request) Redirect(address string) error {
	r.c.Set(fiber.HeaderLocation, address)
	r.c.Status(fiber.StatusFound)
	return nil
}

// Cookie returns a cookie's value; empty where it is absent.
func (r *Request) Cookie(name string) string { return strings.Clone(r.c.Cookies(name)) }

// SetCookie sets a cookie that is inaccessible to scripts and not sent with forms of other sites. One without a
// lifetime is deleted.
func (r *Request) SetCookie(name, value, path string, life time.Duration, secure bool) {
	c := &fiber.Cookie{
		Name: name, Value: value, Path: path, HTTPOnly: true, Secure: secure,
		SameSite: fiber.CookieSameSiteLaxMode,
	}
	if life > 0 {
		c.MaxAge = int(life.Seconds())
	} else {
		c.Expires = fasthttp.CookieExpireDelete
	}
	r.c.Cookie(c)
}

// Stream responds 200 with a body of any size that write produces incrementally, after the handler has returned; with
// a name, it is a file download. The context is write's own: it has no timeout, since the client's reading sets the
// pace, and a disconnected client appears as an error of the writer. If write fails, the connection is closed
// abruptly, so that a client does not take the partial body for the whole.
func (r *Request) Stream(contentType, fileName string, write func(ctx context.Context, w io.Writer) error) error {
	if fileName != "" {
		r.c.Set(fiber.HeaderContentDisposition, fmt.Sprintf("attachment; filename=%q", fileName))
	}
	r.c.Status(fiber.StatusOK).Set(fiber.HeaderContentType, contentType)
	connection, log := r.c.Context().Conn(), r.log
	ctx := ports.WithoutStorageTime(context.WithoutCancel(&r.ctx))
	r.stream(func(w *bufio.Writer) {
		var err error
		// A panic here is beyond the reach of the server's recovery and would end the process.
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
			if err != nil {
				log.Warn("stream cut off", zap.String("request_id", r.Origin.RequestID), zap.Error(err))
				abort(connection)
			}
		}()
		if err = write(ctx, w); err == nil {
			err = w.Flush()
		}
	})
	return nil
}

// stream has the body written as the client's version of HTTP can take it. For HEAD it is not made at all: the library
// would write the end of it, which a client takes for the beginning of the next answer.
func (r *Request) stream(write func(w *bufio.Writer)) {
	c := r.c.Context()
	switch {
	case c.IsHead():
	case c.Request.Header.IsHTTP11():
		c.SetBodyStreamWriter(write)
	default: // chunks are not for HTTP/1.0 (RFC 9112, 6.1): there the end of the connection is the end of the body
		c.HijackSetNoResponse(true)
		c.Hijack(func(nc net.Conn) {
			w := bufio.NewWriter(nc)
			c.Response.Header.SetConnectionClose()
			if c.Response.Header.Write(w) == nil {
				write(w)
			}
		})
	}
}

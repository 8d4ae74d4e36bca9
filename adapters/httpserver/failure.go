package httpserver

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/ostiary/ostiary/core/fault"
)

// The failures that belong to HTTP alone.
var (
	ErrMethodNotAllowed = fault.New(fault.MethodNotAllowed, "method_not_allowed",
		"The method is not allowed for this path")
	ErrBodyTooLarge = fault.New(fault.TooLarge, "body_too_large", "The request body is too large")
	ErrHeadTooLarge = fault.New(fault.HeaderTooLarge, "header_too_large", "The request's header or address is too large")
	ErrMediaType    = fault.New(fault.UnsupportedMedia, "unsupported_media_type",
		"The body must be sent as application/json")
	ErrEncoding = fault.New(fault.UnsupportedMedia, "unsupported_encoding", "The body must not be compressed")
	ErrTimeout  = fault.New(fault.RequestTimeout, "request_timeout", "The request did not arrive in time")
)

// statusOf is the only map from a kind of failure to HTTP.
var statusOf = map[fault.Kind]int{
	fault.Internal:           http.StatusInternalServerError,
	fault.Invalid:            http.StatusBadRequest,
	fault.Unauthenticated:    http.StatusUnauthorized,
	fault.Forbidden:          http.StatusForbidden,
	fault.NotFound:           http.StatusNotFound,
	fault.MethodNotAllowed:   http.StatusMethodNotAllowed,
	fault.Conflict:           http.StatusConflict,
	fault.PreconditionFailed: http.StatusPreconditionFailed,
	fault.TooLarge:           http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia:   http.StatusUnsupportedMediaType,
	fault.HeaderTooLarge:     http.StatusRequestHeaderFieldsTooLarge,
	fault.RequestTimeout:     http.StatusRequestTimeout,
	fault.Locked:             http.StatusLocked,
	fault.RateLimited:        http.StatusTooManyRequests,
	fault.Unavailable:        http.StatusServiceUnavailable,
}

// StatusOf returns the HTTP status of a kind of failure.
func StatusOf(kind fault.Kind) int {
	if status, ok := statusOf[kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// faultOf finds the fault in an error of a handler or of the router.
func faultOf(err error) *fault.Error {
	var f *fault.Error
	var fromRouter *fiber.Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &fromRouter):
		return ofStatus(fromRouter.Code)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// It is not known how far the request came; "internal" would say that trying again is of no use.
		return fault.ErrOverloaded.Because(err).After(retryOverloaded)
	default:
		return fault.Of(err)
	}
}

// ofStatus is the way back for what the libraries report: their texts never leave.
func ofStatus(status int) *fault.Error {
	switch status {
	case http.StatusNotFound:
		return fault.ErrNotFound
	case http.StatusMethodNotAllowed:
		return ErrMethodNotAllowed
	case http.StatusRequestEntityTooLarge:
		return ErrBodyTooLarge
	case http.StatusRequestHeaderFieldsTooLarge:
		return ErrHeadTooLarge
	case http.StatusRequestTimeout:
		return ErrTimeout
	case http.StatusInternalServerError, http.StatusBadGateway:
		return fault.ErrInternal
	default:
		return fault.ErrInvalid
	}
}

// ofConnection finds the fault in an error that the HTTP library met before there was a request to route.
func ofConnection(err error) *fault.Error {
	var netErr net.Error
	switch {
	case errors.As(err, new(*fasthttp.ErrSmallBuffer)):
		return ErrHeadTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return ErrBodyTooLarge
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, fasthttp.ErrTimeout):
		return ErrTimeout
	default:
		return fault.ErrInvalid
	}
}

// Failure writes a failure's body. The request id is part of it.
type Failure func(f *fault.Error, requestID string) ([]byte, error)

// contractFailure writes {"error","message","request_id","details"?,…}: the shape of the Security API.
func contractFailure(f *fault.Error, requestID string) ([]byte, error) {
	return encodeFailure(f, requestID, "")
}

// FailureWithCause writes the shape of the Security API with the private cause of the fault in "cause". It is for the
// operator, who can read the log.
func FailureWithCause(f *fault.Error, requestID string) ([]byte, error) {
	if cause := f.Unwrap(); cause != nil {
		return encodeFailure(f, requestID, cause.Error())
	}
	return encodeFailure(f, requestID, "")
}

func encodeFailure(f *fault.Error, requestID, cause string) ([]byte, error) {
	var b bytes.Buffer
	w := memberWriter{enc: jsontext.NewEncoder(&b)}
	w.token(jsontext.BeginObject)
	w.member("error", f.Code)
	w.member("message", f.Message)
	w.member("request_id", requestID)
	if details := f.Details(); len(details) > 0 {
		w.token(jsontext.String("details"))
		w.token(jsontext.BeginArray)
		for _, d := range details {
			w.token(jsontext.BeginObject)
			w.member("field", d.Field)
			w.member("reason", d.Reason)
			w.token(jsontext.EndObject)
		}
		w.token(jsontext.EndArray)
	}
	if cause != "" {
		w.member("cause", strings.ToValidUTF8(cause, "?"))
	}
	extra := f.Extra()
	for _, key := range sortedKeys(extra) {
		w.member(key, presentable(extra[key]))
	}
	w.token(jsontext.EndObject)
	return bytes.TrimRight(b.Bytes(), "\n"), w.err
}

type memberWriter struct {
	enc *jsontext.Encoder
	err error
}

func (w *memberWriter) token(t jsontext.Token) {
	if w.err == nil {
		w.err = w.enc.WriteToken(t)
	}
}

func (w *memberWriter) member(name string, value any) {
	w.token(jsontext.String(name))
	if w.err == nil {
		w.err = json.MarshalEncode(w.enc, value)
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// presentable gives a member the form that the contract asks of it: times in UTC and in whole seconds, the unknown as
// null.
func presentable(value any) any {
	switch v := value.(type) {
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return Seconds(v)
	case *time.Time:
		if v == nil || v.IsZero() {
			return nil
		}
		return Seconds(*v)
	default:
		return value
	}
}

// Seconds returns t as answers show it: in UTC, in whole seconds. Clients parse the samples' form, without a fraction.
func Seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// retryAfter returns the seconds of a Retry-After header, rounded up so that a punctual client is not refused again.
func retryAfter(wait time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
}

// Package fault is the one error model of Ostiary.
//
// Each failure that a caller can meet is declared once, as a value: its kind says how a transport reports it, its code
// is the stable word of the API contract, its message is the public sentence. A transport asks [Of] for the fault in an
// error and maps its kind in one place; whatever is no fault is [Internal] and shows nothing of itself.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kind says what sort of failure it is; a transport has one status for each.
type Kind int

// The kinds of failure.
const (
	Internal           Kind = iota // a defect or an unclassified error; nothing of it is public
	Invalid                        // the request cannot be right, whoever sends it
	Unauthenticated                // it is not known who asks
	Forbidden                      // it is known who asks, and they may not
	NotFound                       // there is no such thing, or the principal may not know of it
	MethodNotAllowed               // the thing is there and does not do this
	Conflict                       // the request is right and does not fit the present state
	PreconditionFailed             // the state is not the one that the request was made for
	TooLarge                       // the request is larger than the limit
	UnsupportedMedia               // the request comes in a form that is not read here
	HeaderTooLarge                 // the head of the request is larger than the limit
	RequestTimeout                 // the request did not arrive in time
	Locked                         // too many failed attempts
	RateLimited                    // too many requests
	Unavailable                    // something that is needed did not answer; trying again may help
)

// Detail names one field of the input and what is wrong with it.
type Detail struct {
	Field  string
	Reason string
}

// Error is one failure. Values are immutable: Because, With, About and After return copies that errors.Is still
// matches with the declared value.
type Error struct {
	Kind    Kind
	Code    string
	Message string

	details []Detail
	extra   map[string]any
	retry   time.Duration
	limit   int
	cause   error
	base    *Error
}

// New declares a failure. The code is unique and in snake_case; the message is public.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Error returns the code, the details and the private cause, for the log.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString(e.Code)
	for _, d := range e.details {
		fmt.Fprintf(&text, " [%s: %s]", d.Field, d.Reason)
	}
	if e.cause != nil {
		text.WriteString(": " + e.cause.Error())
	}
	return text.String()
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the declared value that e is or was copied from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.root() == e.root()
}

func (e *Error) root() *Error {
	if e.base != nil {
		return e.base
	}
	return e
}

func (e *Error) copy() *Error {
	c := *e
	c.base = e.root()
	c.details = slices.Clone(e.details)
	c.extra = maps.Clone(e.extra)
	return &c
}

// Because returns a copy with a private cause, which is logged and never shown.
func (e *Error) Because(cause error) *Error {
	c := e.copy()
	c.cause = cause
	return c
}

// With returns a copy with one more public member, such as locked_until.
func (e *Error) With(key string, value any) *Error {
	c := e.copy()
	if c.extra == nil {
		c.extra = map[string]any{}
	}
	c.extra[key] = value
	return c
}

// About returns a copy that names one more field of the input and what is wrong with it.
func (e *Error) About(field, reason string) *Error {
	c := e.copy()
	c.details = append(c.details, Detail{Field: field, Reason: reason})
	return c
}

// Saying returns a copy with a more exact public message.
func (e *Error) Saying(message string) *Error {
	c := e.copy()
	c.Message = message
	return c
}

// After returns a copy that says how long to wait before another try.
func (e *Error) After(wait time.Duration) *Error {
	c := e.copy()
	c.retry = wait
	return c
}

// Over is After for a limit that was passed: how many it allows is told, too.
func (e *Error) Over(limit int, wait time.Duration) *Error {
	c := e.After(wait)
	c.limit = limit
	return c
}

// Details returns the named fields, in the order they were found.
func (e *Error) Details() []Detail { return slices.Clone(e.details) }

// Extra returns the public members beside code and message.
func (e *Error) Extra() map[string]any { return maps.Clone(e.extra) }

// RetryAfter returns how long to wait before another try; zero when nothing is known of it.
func (e *Error) RetryAfter() time.Duration { return e.retry }

// Limit returns how many the limit allows that was passed; zero when it was none.
func (e *Error) Limit() int { return e.limit }

// Of returns the fault in err. An error that holds none becomes ErrInternal with err as its private cause; nil stays nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	return ErrInternal.Because(err)
}

// The failures that belong to no single thing of the domain.
var (
	ErrInternal     = New(Internal, "internal", "Internal error")
	ErrInvalid      = New(Invalid, "invalid_request", "Invalid request")
	ErrUnauthorized = New(Unauthenticated, "unauthorized", "Invalid credentials")
	ErrForbidden    = New(Forbidden, "forbidden", "Insufficient permissions")
	ErrNotFound     = New(NotFound, "not_found", "Not found")
	ErrConflict     = New(Conflict, "conflict", "Conflict with the present state")
	ErrPrecondition = New(PreconditionFailed, "precondition_failed", "The object has changed since it was read")
	ErrRateLimited  = New(RateLimited, "rate_limited", "Too many requests")
	ErrStorage      = New(Unavailable, "storage_unavailable", "Storage is unavailable")
	ErrOverloaded   = New(Unavailable, "storage_unavailable", "The service is overloaded")
)

// Package fault defines the errors of Ostiary.
//
// Each error that a caller can receive is declared once, as a value: its kind determines how a transport reports it,
// its code is the stable identifier of the API contract, and its message is public. A transport calls [Of] for the
// fault in an error and maps its kind in one place. Any other error is [Internal] and reveals nothing.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kind is the kind of an error; a transport has one status for each.
type Kind int

// The kinds of errors.
const (
	Internal           Kind = iota // a defect or an unclassified error; no detail is public
	Invalid                        // the request is invalid for any client
	Unauthenticated                // the client is not authenticated
	Forbidden                      // the client is authenticated and lacks permission
	NotFound                       // the object does not exist, or the principal may not see it
	MethodNotAllowed               // the object does not support the method
	Conflict                       // the request is valid and conflicts with the current state
	PreconditionFailed             // the state differs from the one that the request expects
	TooLarge                       // the request is larger than the limit
	UnsupportedMedia               // the request has an unsupported format
	HeaderTooLarge                 // the header of the request is larger than the limit
	RequestTimeout                 // the request did not arrive in time
	Locked                         // too many failed attempts
	RateLimited                    // too many requests
	Unavailable                    // a required service did not respond; a retry may help
)

// Detail is one invalid field of the input with the reason.
type Detail struct {
	Field  string
	Reason string
}

// Error is one error. Values are immutable: Because, With, About, Saying, After and Over return copies that errors.Is
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

// New declares an error. The code is in snake_case; the message is public.
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

// Because returns a copy with a private cause, which is logged and never displayed.
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

// About returns a copy with one more invalid field and the reason.
func (e *Error) About(field, reason string) *Error {
	c := e.copy()
	c.details = append(c.details, Detail{Field: field, Reason: reason})
	return c
}

// Saying returns a copy with a more specific public message.
func (e *Error) Saying(message string) *Error {
	c := e.copy()
	c.Message = message
	return c
}

// After returns a copy with the time to wait before a retry.
func (e *Error) After(wait time.Duration) *Error {
	c := e.copy()
	c.retry = wait
	return c
}

// Over is After for an exceeded limit, with the limit.
func (e *Error) Over(limit int, wait time.Duration) *Error {
	c := e.After(wait)
	c.limit = limit
	return c
}

// Details returns the invalid fields in the order they were found.
func (e *Error) Details() []Detail { return slices.Clone(e.details) }

// Extra returns the public members beside code and message.
func (e *Error) Extra() map[string]any { return maps.Clone(e.extra) }

// RetryAfter returns the time to wait before a retry; zero if it is unknown.
func (e *Error) RetryAfter() time.Duration { return e.retry }

// Limit returns the exceeded limit; zero if no limit was exceeded.
func (e *Error) Limit() int { return e.limit }

// Of returns the fault in err. Any other error becomes ErrInternal with err as its private cause; nil stays nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	return ErrInternal.Because(err)
}

// The general errors, which belong to no single type of the domain.
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

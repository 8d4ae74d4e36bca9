package securityapi

import (
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/idempotency"
)

const maxIdempotencyKey = 255

// creates makes a handler answer a repeated request with what the first one was answered.
func (a *api) creates(handler httpserver.Handler) httpserver.Handler {
	return func(r *httpserver.Request) error {
		key := r.Header("Idempotency-Key")
		if key == "" || a.Idempotency == nil {
			return handler(r)
		}
		if len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
			return fault.ErrInvalid.About("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
		}
		run, first, err := a.Idempotency.Begin(r.Context(), r.Principal, idempotency.Request{
			Route: http.MethodPost + " " + r.Path(), Key: key, Body: r.Body(),
		})
		switch {
		case err != nil:
			return err
		case first != nil:
			return replay(r, first)
		default:
			return once(r, run, handler)
		}
	}
}

func replay(r *httpserver.Request, first *idempotency.Answer) error {
	if first.Location != "" {
		r.SetHeader("Location", first.Location)
	}
	r.SetHeader("Idempotency-Replayed", "true")
	return r.Raw(first.Status, "application/json; charset=utf-8", first.Body)
}

// once runs the first request with its key. A key whose request failed without a change is free again; one whose end nobody
// knows stays taken.
func once(r *httpserver.Request, run *idempotency.Run, handler httpserver.Handler) error {
	if err := handler(r); err != nil {
		if idempotency.ChangedNothing(err) {
			if freed := run.Abandon(r.Context()); freed != nil {
				return freed
			}
		}
		return err
	}
	status, location, body := r.Answered()
	return run.Complete(r.Context(), idempotency.Answer{Status: status, Location: location, Body: body})
}

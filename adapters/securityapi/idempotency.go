package securityapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/idempotency"
)

const (
	// patience is how long a repeated request waits for the first one's answer; what takes longer may have died.
	patience      = 3 * time.Second
	shortestPause = 10 * time.Millisecond
)

// creates makes a handler answer a repeated request with what the first one was answered.
func (a *api) creates(handler httpserver.Handler) httpserver.Handler {
	return func(r *httpserver.Request) error {
		key := r.Header("Idempotency-Key")
		if key == "" {
			return handler(r)
		}
		if l := domain.Limits.IdempotencyKey; !l.Allows(len(key)) ||
			strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return fault.ErrInvalid.About("Idempotency-Key", "must be "+l.String()+" visible ASCII characters")
		}
		run, first, err := a.begin(r, idempotency.Request{
			Operation: http.MethodPost + " " + r.Path(), Key: key,
			Body: r.Body(),
		})
		switch {
		case err != nil:
			return err
		case first != nil:
			// The answer can hold a secret, which a principal who has lost the permission is not given again.
			if err := r.Refusal(); err != nil {
				return err
			}
			return replay(r, first)
		default:
			return once(r, run, handler)
		}
	}
}

// begin waits for a first request in progress, so that an immediate retry gets its response instead of a conflict.
func (a *api) begin(r *httpserver.Request, of idempotency.Request) (*idempotency.Run, []byte, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	for pause := shortestPause; ; pause *= 2 {
		run, first, err := a.Idempotency.Begin(r.Context(), r.Principal, of)
		if !errors.Is(err, idempotency.ErrUnderWay) {
			return run, first, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, err
		case <-time.After(pause):
		}
	}
}

// storedResponse is a response in the encoding that is stored. The names of its members must not change.
type storedResponse struct {
	Status   int    `json:"s"`
	Location string `json:"l,omitempty"`
	Body     []byte `json:"b"`
}

func replay(r *httpserver.Request, stored []byte) error {
	var first storedResponse
	if err := json.Unmarshal(stored, &first); err != nil {
		return fmt.Errorf("decoding a stored response: %w", err)
	}
	if first.Location != "" {
		r.SetHeader("Location", first.Location)
	}
	r.SetHeader("Idempotency-Replayed", "true")
	return r.Raw(first.Status, "application/json; charset=utf-8", first.Body)
}

// once runs the first request with its key. The key of a request that failed without a change is released; one with
// an unknown result stays reserved.
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
	stored, err := json.Marshal(storedResponse{Status: status, Location: location, Body: body})
	if err != nil {
		return fmt.Errorf("encoding a response: %w", err)
	}
	return run.Complete(r.Context(), stored)
}

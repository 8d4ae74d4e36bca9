// Package idempotency returns the stored response of the first request to repeated ones.
//
// A client that does not know whether its request arrived sends it again with the same Idempotency-Key. A key applies
// to one credential (a session, or an API key) and one operation; with another body it is an error. Responses may
// contain secrets that are returned only once, such as an API key, so they are stored sealed, for 24 hours.
//
// If the process ended between the change and its response, it is unknown whether the change happened: the key
// remains refused, and no second change is made.
package idempotency

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// keptFor is how long a response is stored.
	keptFor = 24 * time.Hour
	// retryAfter is sent to a client that repeats a request in progress.
	retryAfter = time.Second
)

// Service stores and returns responses.
type Service struct {
	store  ports.IdempotencyStore
	sealer ports.Sealer
	clock  ports.Clock
}

// New returns a Service.
func New(store ports.IdempotencyStore, sealer ports.Sealer, clock ports.Clock) *Service {
	return &Service{store: store, sealer: sealer, clock: clock}
}

// Request identifies the request of a key.
type Request struct {
	Operation string // what is requested, such as a route
	Key       string // the client's
	Body      []byte
}

// Run is the first request with its key. It ends with exactly one call of Complete or Abandon.
type Run struct {
	service *Service
	record  domain.IdempotencyRecord
}

// Begin reserves the key. It returns a Run for the first request and the stored response for a repeated one. A
// repeated key with another body is ErrOtherBody; one whose first request has no response yet is ErrUnderWay.
func (s *Service) Begin(ctx context.Context, by domain.Principal, r Request) (*Run, []byte, error) {
	now := s.clock.Now().UTC()
	body := sha256.Sum256(r.Body)
	record := domain.IdempotencyRecord{Key: keyOf(by, r), Digest: body[:], StartedAt: now, ExpiresAt: now.Add(keptFor)}
	first, err := s.store.Begin(ctx, record)
	if err != nil {
		return nil, nil, err
	}
	if first == nil {
		return &Run{service: s, record: record}, nil, nil
	}
	if subtle.ConstantTimeCompare(first.Digest, record.Digest) != 1 {
		return nil, nil, ErrOtherBody
	}
	if first.Answer == nil {
		return nil, nil, ErrUnderWay.After(retryAfter)
	}
	answer, err := s.sealer.Open(first.Answer, binding(record.Key))
	if err != nil {
		return nil, nil, fmt.Errorf("opening a stored response: %w", err)
	}
	return nil, answer, nil
}

// Complete stores the response. It runs even after the client has disconnected, since then the client needs it most.
func (r *Run) Complete(ctx context.Context, answer []byte) (err error) {
	if r.record.Answer, err = r.service.sealer.Seal(answer, binding(r.record.Key)); err != nil {
		return fmt.Errorf("sealing a response: %w", err)
	}
	return r.service.store.Complete(context.WithoutCancel(ctx), r.record)
}

// Abandon releases the key after a failure that changed nothing.
func (r *Run) Abandon(ctx context.Context) error {
	return r.service.store.Abandon(context.WithoutCancel(ctx), r.record.Key)
}

// ChangedNothing reports whether an error means that nothing was changed, so that the key may be used again. An
// outage or a defect does not.
func ChangedNothing(err error) bool {
	kind := fault.Of(err).Kind
	return kind != fault.Internal && kind != fault.Unavailable
}

// keyOf returns the digest of the scope of the key. Length prefixes separate the parts.
func keyOf(by domain.Principal, r Request) string {
	h := sha256.New()
	for _, part := range []string{by.Credential(), string(by.Kind), r.Operation, r.Key} {
		h.Write(fmt.Appendf(nil, "%d|%s|", len(part), part))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func binding(key string) string { return "idempotency/" + key }

// Errors of repeated requests.
var (
	ErrOtherBody = fault.New(fault.Conflict, "conflict", "This Idempotency-Key was used with another request")
	// ErrUnderWay reports that the first request with the key has no response yet, or that the service stopped during
	// the request. The client checks whether the change happened before it tries another key.
	ErrUnderWay = fault.New(fault.Conflict, "conflict", "The first request with this Idempotency-Key has no answer yet")
)

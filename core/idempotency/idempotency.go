// Package idempotency answers a repeated request with what the first one was answered.
//
// A client that does not know whether its request arrived sends it again with the same Idempotency-Key. The key counts
// for one credential (a session, or an API key) and one route; with another body it is a mistake. Answers may hold
// secrets that are shown once, such as an API key, so they are kept sealed, for 24 hours.
//
// Where the process ended between the change and its answer nobody knows which of the two happened: such a key stays
// refused, and no second change is made.
package idempotency

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// keptFor is how long an answer is remembered.
	keptFor = 24 * time.Hour
	maxKey  = 255
	// retryAfter is told to whoever repeats a request that is still under way.
	retryAfter = time.Second
)

// Service remembers answers.
type Service struct {
	store  ports.IdempotencyStore
	sealer ports.Sealer
	clock  ports.Clock
}

// New returns a Service.
func New(store ports.IdempotencyStore, sealer ports.Sealer, clock ports.Clock) *Service {
	return &Service{store: store, sealer: sealer, clock: clock}
}

// Request is what a key counts for.
type Request struct {
	Route string // method and path as requested
	Key   string // the Idempotency-Key
	Body  []byte
}

// Answer is what a request was answered.
type Answer struct {
	Status   int    `json:"s"`
	Location string `json:"l,omitempty"`
	Body     []byte `json:"b"`
}

// Run is the first request with its key. Exactly one of Complete and Abandon ends it.
type Run struct {
	service *Service
	record  domain.IdempotencyRecord
}

// Begin reserves the key. For the first request it returns a Run; for a repeated one the answer of the first. A repeated key
// with another body is ErrOtherBody; one whose first request has no answer yet is ErrUnderWay.
func (s *Service) Begin(ctx context.Context, by domain.Principal, r Request) (*Run, *Answer, error) {
	if r.Key == "" || len(r.Key) > maxKey || !isVisible(r.Key) {
		return nil, nil, fault.ErrInvalid.About("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
	}
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
	answer, err := s.open(first)
	return nil, answer, err
}

func (s *Service) open(record *domain.IdempotencyRecord) (*Answer, error) {
	raw, err := s.sealer.Open(record.Answer, binding(record.Key))
	if err != nil {
		return nil, fmt.Errorf("opening a remembered answer: %w", err)
	}
	var answer Answer
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("reading a remembered answer: %w", err)
	}
	return &answer, nil
}

// Complete remembers the answer. It is told even when the client has gone: that is whom it is for.
func (r *Run) Complete(ctx context.Context, answer Answer) error {
	raw, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("remembering an answer: %w", err)
	}
	if r.record.Answer, err = r.service.sealer.Seal(raw, binding(r.record.Key)); err != nil {
		return fmt.Errorf("remembering an answer: %w", err)
	}
	return r.service.store.Complete(context.WithoutCancel(ctx), r.record)
}

// Abandon frees the key after a failure that changed nothing.
func (r *Run) Abandon(ctx context.Context) error {
	return r.service.store.Abandon(context.WithoutCancel(ctx), r.record.Key)
}

// ChangedNothing reports whether an error says that nothing was changed, so that the key may be used again. An outage or a
// defect says no such thing.
func ChangedNothing(err error) bool {
	kind := fault.Of(err).Kind
	return kind != fault.Internal && kind != fault.Unavailable
}

// keyOf returns the digest of what the key counts for. The lengths keep the parts apart.
func keyOf(by domain.Principal, r Request) string {
	h := sha256.New()
	for _, part := range []string{by.Credential(), string(by.Kind), r.Route, r.Key} {
		h.Write(fmt.Appendf(nil, "%d|%s|", len(part), part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func binding(key string) string { return "idempotency/" + key }

func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] < 0x21 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

// The failures of repeated requests.
var (
	ErrOtherBody = fault.New(fault.Conflict, "conflict", "This Idempotency-Key was used with another request")
	// ErrUnderWay tells that the first request with the key has not been answered, or that the service stopped while it was
	// being answered. Look whether it happened before trying with another key.
	ErrUnderWay = fault.New(fault.Conflict, "conflict", "The first request with this Idempotency-Key has no answer yet")
)

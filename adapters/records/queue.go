package records

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Attempts is the document of what was tried against one account.
type Attempts struct {
	Failures    []Attempt            `json:"failures,omitempty"    bson:"failures"`
	Familiar    map[string]time.Time `json:"familiar,omitempty"    bson:"familiar"`
	Locks       map[string]time.Time `json:"locks,omitempty"       bson:"locks"`
	LockedUntil time.Time            `json:"locked_until,omitzero" bson:"lockeduntil"`
}

// Attempt is one try.
type Attempt struct {
	ID      string    `json:"id"                bson:"id"`
	Source  string    `json:"source"            bson:"source"`
	At      time.Time `json:"at"                bson:"at"`
	Pending bool      `json:"pending,omitempty" bson:"pending"`
	Settled bool      `json:"settled,omitempty" bson:"settled"`
}

// NewAttempts returns the document of the attempts. It shares maps with them.
func NewAttempts(a *domain.Attempts) Attempts {
	return Attempts{
		Failures: convert(a.Failures, func(f domain.Attempt) Attempt { return Attempt(f) }),
		Familiar: a.Familiar, Locks: a.Locks, LockedUntil: a.LockedUntil,
	}
}

// Domain returns the attempts of the document.
func (r *Attempts) Domain() domain.Attempts {
	return domain.Attempts{
		Failures: convert(r.Failures, func(f Attempt) domain.Attempt { return domain.Attempt(f) }),
		Familiar: r.Familiar, Locks: r.Locks, LockedUntil: r.LockedUntil,
	}
}

// Message is the document of a message to a person.
type Message struct {
	ID        domain.MessageID `json:"id"                   bson:"id"`
	Channel   domain.Channel   `json:"channel"              bson:"channel"`
	UserID    domain.UserID    `json:"user_id,omitempty"    bson:"userid"`
	Payload   []byte           `json:"payload"              bson:"payload"`
	CreatedAt time.Time        `json:"created_at,omitzero"  bson:"createdat"`
	ExpiresAt time.Time        `json:"expires_at,omitzero"  bson:"expiresat"`
	Attempts  int              `json:"attempts,omitempty"   bson:"attempts"`
	NextTry   time.Time        `json:"next_try,omitzero"    bson:"nexttry"`
	LastError string           `json:"last_error,omitempty" bson:"lasterror"`
}

// NewMessage returns the document of the message.
func NewMessage(m *domain.Message) Message { return Message(*m) }

// Domain returns the message of the document.
func (r *Message) Domain() domain.Message { return domain.Message(*r) }

// Idempotency is the document of a request that carried an Idempotency-Key.
type Idempotency struct {
	Key       string    `json:"key"                 bson:"key"`
	Digest    []byte    `json:"digest"              bson:"digest"`
	StartedAt time.Time `json:"started_at,omitzero" bson:"startedat"`
	ExpiresAt time.Time `json:"expires_at,omitzero" bson:"expiresat"`
	Answer    []byte    `json:"answer,omitzero"    bson:"answer"`
}

// NewIdempotency returns the document of the record.
func NewIdempotency(r *domain.IdempotencyRecord) Idempotency { return Idempotency(*r) }

// Domain returns the record of the document.
func (r *Idempotency) Domain() domain.IdempotencyRecord { return domain.IdempotencyRecord(*r) }

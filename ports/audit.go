package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// AuditLog reads the audit log and appends entries that come with no change of state. It can neither change nor
// remove entries.
type AuditLog interface {
	// Append writes entries. They are on disk when it returns.
	Append(ctx context.Context, entries ...domain.AuditEntry) error
	// List returns one page, newest first. Its cost does not grow with the size of the log.
	List(ctx context.Context, query domain.AuditQuery) (domain.AuditPage, error)
}

// MessageQueue holds the outgoing messages that were stored with a change, until they are delivered.
type MessageQueue interface {
	// ClaimMessages returns up to limit due messages, leased to this worker until leaseUntil.
	ClaimMessages(ctx context.Context, now, leaseUntil time.Time, limit int) ([]domain.Message, error)
	// DoneMessage deletes a message that was delivered or can never be.
	DoneMessage(ctx context.Context, id domain.MessageID) error
	// RetryMessage returns a message to the queue, due at the given time.
	RetryMessage(ctx context.Context, id domain.MessageID, at time.Time, reason string) error
}

// Maintenance keeps a store healthy. Jobs and probes call its methods.
type Maintenance interface {
	// Ping returns nil if the store responds and accepts writes.
	Ping(ctx context.Context) error
	// SweepExpired deletes expired records: attempts, rates, single-use records, idempotency records. No decision
	// depends on it: every read checks the expiry itself.
	SweepExpired(ctx context.Context, now time.Time) error
}

package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// AuditTrail reads the audit log and appends entries that come with no change of state. Entries can neither be changed
// nor removed through it.
type AuditTrail interface {
	// Append writes entries, on disk before it returns.
	Append(ctx context.Context, entries ...domain.AuditEntry) error
	// List returns one page, newest first. Its cost does not grow with the log.
	List(ctx context.Context, query domain.AuditQuery) (domain.AuditPage, error)
	// Scan calls yield for each entry that matches, oldest first, in constant memory. An error of yield ends the scan.
	Scan(ctx context.Context, query domain.AuditQuery, yield func(domain.AuditEntry) error) error
}

// MessageQueue holds the messages that left with a change, until they were handed over.
type MessageQueue interface {
	// ClaimMessages returns up to limit messages that are due, for this worker alone until the lease ends.
	ClaimMessages(ctx context.Context, now, leaseUntil time.Time, limit int) ([]domain.Message, error)
	// DoneMessage forgets a message that was handed over or can never be.
	DoneMessage(ctx context.Context, id domain.MessageID) error
	// RetryMessage puts a message back until the time given.
	RetryMessage(ctx context.Context, id domain.MessageID, at time.Time, reason string) error
}

// Maintenance is what keeps a store healthy; its methods are run by jobs and probes.
type Maintenance interface {
	// Ping returns nil when the store answers and takes writes.
	Ping(ctx context.Context) error
	// SweepExpired removes what has run out: attempts, rates, single-use things, idempotency records. Nothing that still
	// counts is ever decided by it.
	SweepExpired(ctx context.Context, now time.Time) error
}

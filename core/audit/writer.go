package audit

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Writer creates the audit entries that services add to the outbox of a change.
type Writer struct {
	ids      ports.IDs
	clock    ports.Clock
	auditLog ports.AuditLog
}

// NewWriter returns a auditWriter that uses the given ids and clock.
func NewWriter(ids ports.IDs, clock ports.Clock, auditLog ports.AuditLog) *Writer {
	return &Writer{ids: ids, clock: clock, auditLog: auditLog}
}

// Option adds to an entry.
type Option func(*domain.AuditEntry)

// Detail adds a detail that names no person.
func Detail(key string, value any) Option {
	return func(e *domain.AuditEntry) { put(&e.Details, key, value) }
}

// Personal adds a detail with personal data. A purge erases it.
func Personal(key string, value any) Option {
	return func(e *domain.AuditEntry) { put(&e.Personal, key, value) }
}

// Failed marks the entry as a failure, with the reason.
func Failed(reason string) Option {
	return func(e *domain.AuditEntry) {
		e.Success = false
		put(&e.Details, "reason", reason)
	}
}

// ActedBy names the actor if it is not the principal: a sign-in is an action of the user who signs in.
func ActedBy(id domain.UserID) Option {
	return func(e *domain.AuditEntry) { e.UserID = string(id) }
}

func put(details *map[string]any, key string, value any) {
	if *details == nil {
		*details = map[string]any{}
	}
	(*details)[key] = value
}

// Entry returns the entry for an action of by on target. It is a success unless an option changes that.
func (j *Writer) Entry(by domain.Principal, action domain.Action, target string, options ...Option) domain.AuditEntry {
	entry := domain.AuditEntry{
		ID:        domain.LogID(j.ids.NewID(domain.LogPrefix)),
		Time:      j.clock.Now().UTC(),
		UserID:    by.Actor(),
		Action:    action,
		Success:   true,
		IPAddress: by.Origin.IP(),
		UserAgent: by.Origin.UserAgent,
		RequestID: by.Origin.RequestID,
		Target:    target,
	}
	if by.KeyID != "" {
		put(&entry.Details, "key_id", string(by.KeyID))
	}
	for _, option := range options {
		option(&entry)
	}
	return entry
}

// Write appends entries without a change of state, such as a refused sign-in of an unknown user.
func (j *Writer) Write(ctx context.Context, entries ...domain.AuditEntry) error {
	return j.auditLog.Append(ctx, entries...)
}

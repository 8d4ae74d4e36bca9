package audit

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Journal makes the entries that the services put into the outbox of a change, all in one form.
type Journal struct {
	ids   ports.IDs
	clock ports.Clock
	trail ports.AuditTrail
}

// NewJournal returns a journal that takes ids and time from the ports given.
func NewJournal(ids ports.IDs, clock ports.Clock, trail ports.AuditTrail) *Journal {
	return &Journal{ids: ids, clock: clock, trail: trail}
}

// Option adds to an entry.
type Option func(*domain.AuditEntry)

// Detail adds a detail that names no person.
func Detail(key string, value any) Option {
	return func(e *domain.AuditEntry) { put(&e.Details, key, value) }
}

// Personal adds a detail that names a person; a purge erases it.
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

// ActedBy names who acted where that is not the principal: a sign-in is by the user who signs in.
func ActedBy(id domain.UserID) Option {
	return func(e *domain.AuditEntry) { e.UserID = string(id) }
}

func put(details *map[string]any, key string, value any) {
	if *details == nil {
		*details = map[string]any{}
	}
	(*details)[key] = value
}

// Entry returns the entry for what by did to target. It is a success unless an option says otherwise.
func (j *Journal) Entry(by domain.Principal, action domain.Action, target string, options ...Option) domain.AuditEntry {
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

// Write appends entries that come with no change of state, such as a refused sign-in to nobody.
func (j *Journal) Write(ctx context.Context, entries ...domain.AuditEntry) error {
	return j.trail.Append(ctx, entries...)
}

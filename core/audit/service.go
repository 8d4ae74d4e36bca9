package audit

import (
	"context"
	"net/netip"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Service reads, exports and truncates the audit log.
type Service struct{ deps Deps }

// Deps holds the dependencies of a Service.
type Deps struct {
	AuditLog  ports.AuditLog
	Proofs    ports.AuditProofs
	Sequencer *Sequencer
	Signer    *Signer
	Access    *Access
	Writer    *Writer
	Clock     ports.Clock
}

// New returns a Service.
func New(d Deps) *Service { return &Service{deps: d} }

// auditLog is the target of entries about reading the log.
const auditLog = "audit_log"

// List returns one page of the log, newest first. It requires audit.read, unless a user reads only their own entries.
// Reading other users' entries writes an audit entry, one a minute.
func (s *Service) List(ctx context.Context, by domain.Principal, query domain.AuditQuery) (domain.AuditPage, error) {
	own := isOwn(by, query.UserID)
	if err := s.MayList(by, query.UserID); err != nil {
		return domain.AuditPage{}, err
	}
	query, err := checked(query)
	if err != nil {
		return domain.AuditPage{}, err
	}
	page, err := s.deps.AuditLog.List(ctx, query)
	if err != nil || own {
		return page, err
	}
	return page, s.deps.Access.Read(ctx, by, auditLog)
}

// MayList returns the error that List returns to the principal for the entries of the user, or of all users if user
// is empty.
func (s *Service) MayList(by domain.Principal, user string) error {
	if isOwn(by, user) {
		return nil
	}
	return by.Require(domain.AuditRead)
}

// isOwn reports whether the principal is the user, with a full session, so that the entries are those of their own
// actions.
func isOwn(by domain.Principal, user string) bool {
	return user != "" && by.Scope == "" && by.IsSelf(domain.UserID(user))
}

// checked returns the query in the form that stores compare with, or fault.ErrInvalid with the name of the invalid
// filter.
func checked(query domain.AuditQuery) (domain.AuditQuery, error) {
	refused := fault.ErrInvalid
	unknown := func(action domain.Action) bool { return !slices.Contains(domain.Actions, action) }
	if slices.ContainsFunc(query.Actions, unknown) {
		refused = refused.About("action", "must be an action of the audit log")
	}
	if !query.From.IsZero() && !query.Until.IsZero() && !query.From.Before(query.Until) {
		refused = refused.About("end_date", "must not be before start_date")
	}
	if query.IPAddress != "" {
		address, err := netip.ParseAddr(query.IPAddress)
		if err != nil {
			refused = refused.About("ip_address", "must be an IP address")
		} else {
			query.IPAddress = address.Unmap().String()
		}
	}
	for _, text := range []struct{ field, value string }{{"user_id", query.UserID}, {"request_id", query.RequestID}} {
		if !domain.Limits.AuditFilter.Allows(len(text.value)) {
			refused = refused.About(text.field, "must be "+domain.Limits.AuditFilter.String()+" characters")
		}
	}
	return query, domain.Refusal(refused)
}

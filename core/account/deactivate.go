package account

import (
	"context"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/lockout"
)

// Deactivate ends a user's account and, in the same write, all sessions, API keys and pending tokens. It requires
// users.manage. It is idempotent; the last administrator cannot be deactivated (domain.ErrLastAdmin). A user
// deactivated by a directory synchronization becomes deactivated by an administrator, and no synchronization
// reactivates them.
func (s *Service) Deactivate(ctx context.Context, by domain.Principal, id domain.UserID) (domain.User, error) {
	catalog, _, err := s.target(ctx, by, id)
	if err != nil {
		return domain.User{}, err
	}
	return s.deps.Access.UpdateUser(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		if err := access.CheckActOn(catalog, by, u); err != nil {
			return err
		}
		switch {
		case u.ConfirmDeactivation(): // deactivated by a synchronization; now deactivated by an administrator
			u.UpdatedAt = s.deps.Clock.Now().UTC()
		case u.Status == domain.StatusDeactivated:
			return domain.ErrUnchanged
		default:
			u.Deactivate(s.deps.Clock.Now().UTC())
		}
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserDeactivate, string(u.ID)))
		return nil
	})
}

// Unlock resets the failed attempts of a user, for the password and the second factor, from all sources. It requires
// users.manage.
func (s *Service) Unlock(ctx context.Context, by domain.Principal, id domain.UserID) error {
	if _, _, err := s.target(ctx, by, id); err != nil {
		return err
	}
	entry := s.deps.AuditWriter.Entry(by, domain.ActionAccountUnlock, string(id))
	if err := s.lockout.Unlock(ctx, factor.AttemptsKey(id)); err != nil {
		return err
	}
	return s.lockout.Unlock(ctx, lockout.AccountOf(id), entry)
}

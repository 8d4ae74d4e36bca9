package account

import (
	"context"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/lockout"
)

// Deactivate ends a user's account and with it, in the same write, all sessions, API keys and pending tokens. It takes
// users.manage. Doing it again changes nothing and gives the same answer; the last administrator stays
// (domain.ErrLastAdmin). A user whom a synchronization of their directory has deactivated is then deactivated by an
// administrator, and no synchronization activates them again.
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
		case u.ConfirmDeactivation(): // the directory's synchronization has; from now on it is an administrator's word
			u.UpdatedAt = s.deps.Clock.Now().UTC()
		case u.Status == domain.StatusDeactivated:
			return domain.ErrUnchanged
		default:
			u.Deactivate(s.deps.Clock.Now().UTC())
		}
		out.Record(s.deps.Journal.Entry(by, domain.ActionUserDeactivate, string(u.ID)))
		return nil
	})
}

// Unlock forgets the failed attempts of a user, of the password and of the second factor, from all sources. It takes
// users.manage.
func (s *Service) Unlock(ctx context.Context, by domain.Principal, id domain.UserID) error {
	if _, _, err := s.target(ctx, by, id); err != nil {
		return err
	}
	entry := s.deps.Journal.Entry(by, domain.ActionAccountUnlock, string(id))
	if _, err := s.lockout.Unlock(ctx, factor.AttemptsKey(id)); err != nil {
		return err
	}
	_, err := s.lockout.Unlock(ctx, lockout.AccountOf(id), entry)
	return err
}

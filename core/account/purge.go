package account

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/lockout"
)

// purgesLookedThrough bounds how far back a repeated purge looks for the first.
const purgesLookedThrough = 1000

// Purge erases a person: the user with all that is theirs, the counts of their attempts, and what the audit log tells of
// them, which goes on to prove itself whole. What is left is the id, and the entry that says who purged it. It takes
// users.manage, and a recent proof of identity where the settings ask for one (domain.ErrReauthentication); the last
// administrator stays (domain.ErrLastAdmin). Doing it again gives the same answer.
//
// The user is deactivated first and goes last, so that a purge which was interrupted can be asked for again.
func (s *Service) Purge(ctx context.Context, by domain.Principal, id domain.UserID) (time.Time, error) {
	catalog, _, err := s.target(ctx, by, id)
	if err == nil {
		err = s.checkRecent(catalog, by)
	}
	if err == nil {
		_, err = s.Deactivate(ctx, by, id)
	}
	if errors.Is(err, domain.ErrUserNotFound) && by.Can(domain.UsersManage) {
		return s.purgedBefore(ctx, id)
	}
	if err != nil {
		return time.Time{}, err
	}
	for _, account := range []string{lockout.AccountOf(id), factor.AttemptsKey(id)} {
		err := s.deps.Attempts.UpdateAttempts(ctx, account, s.deps.Clock.Now(), func(a *domain.Attempts, _ *domain.Outbox) error {
			*a = domain.Attempts{}
			return nil
		})
		if err != nil {
			return time.Time{}, err
		}
	}
	if err := s.deps.Eraser.ErasePerson(ctx, id); err != nil {
		return time.Time{}, err
	}
	entry := s.deps.Journal.Entry(by, domain.ActionUserPurge, string(id))
	var out domain.Outbox
	out.Record(entry)
	return entry.Time, s.deps.Access.DeleteUser(ctx, id, out)
}

// purgedBefore returns when the user was purged, or domain.ErrUserNotFound.
func (s *Service) purgedBefore(ctx context.Context, id domain.UserID) (time.Time, error) {
	query := domain.AuditQuery{
		Actions: []domain.Action{domain.ActionUserPurge}, Page: domain.Page{Number: 1, Limit: domain.MaxPageLimit},
	}
	for range purgesLookedThrough / domain.MaxPageLimit {
		page, err := s.deps.Trail.List(ctx, query)
		if err != nil {
			return time.Time{}, err
		}
		for _, e := range page.Entries {
			if e.Target == string(id) {
				return e.Time, nil
			}
		}
		if page.Next == nil {
			break
		}
		query.Page.After = page.Next
	}
	return time.Time{}, domain.ErrUserNotFound
}

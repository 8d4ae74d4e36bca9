package account

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/ports"
)

// purgesScanned is the number of recent purge entries that a repeated purge searches.
const purgesScanned = 1000

// Purge erases a user: the user record with all its data, the attempt counts, and the user's personal data in the audit
// log, whose integrity can still be verified. The ID and the entry that records who purged it remain. Purge requires
// users.manage, and a recent proof of identity if the settings demand it (domain.ErrReauthentication); the last
// administrator cannot be purged (domain.ErrLastAdmin). It is idempotent and returns the time of the first purge.
//
// It deactivates the user first and deletes the record last, so that an interrupted purge can be repeated. progress is
// called with the number of erased entries of the audit log.
func (s *Service) Purge(ctx context.Context, by domain.Principal, id domain.UserID, progress ports.Progress) (time.Time,
	error,
) {
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
		err := s.deps.Attempts.Update(ctx, account, s.deps.Clock.Now(), func(a *domain.Attempts, _ *domain.Outbox) error {
			*a = domain.Attempts{}
			return nil
		})
		if err != nil {
			return time.Time{}, err
		}
	}
	if err := s.deps.Eraser.ErasePerson(ctx, id, progress); err != nil {
		return time.Time{}, err
	}
	entry := s.deps.AuditWriter.Entry(by, domain.ActionUserPurge, string(id))
	var out domain.Outbox
	out.Record(entry)
	return entry.Time, s.deps.Access.DeleteUser(ctx, id, out)
}

// purgedBefore returns the time at which the user was purged, or domain.ErrUserNotFound.
func (s *Service) purgedBefore(ctx context.Context, id domain.UserID) (time.Time, error) {
	query := domain.AuditQuery{
		Actions: []domain.Action{domain.ActionUserPurge}, Page: domain.Page{Number: 1, Limit: domain.Limits.PageSize.Max},
	}
	for range purgesScanned / domain.Limits.PageSize.Max {
		page, err := s.deps.AuditLog.List(ctx, query)
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

package account

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/lockout"
)

// UserPage is one page of users.
type UserPage struct {
	domain.UserPage

	// LockedUntil maps each locked user to the latest end of a lock in force, from any source.
	LockedUntil map[domain.UserID]time.Time
}

// Members returns one page of the group's users, as List does. It requires users.read.
func (s *Service) Members(ctx context.Context, by domain.Principal, idOrName string, page domain.Page) (UserPage,
	error,
) {
	found, err := s.deps.Access.Members(ctx, by, idOrName, page)
	if err != nil {
		return UserPage{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return UserPage{}, err
	}
	return s.withLocks(ctx, by, catalog, found)
}

func (s *Service) withLocks(ctx context.Context, by domain.Principal, catalog *domain.Catalog,
	found domain.UserPage,
) (UserPage, error) {
	ids := make([]domain.UserID, len(found.Users))
	for i := range found.Users {
		ids[i] = found.Users[i].ID
	}
	locks, err := s.locks(ctx, by, catalog, ids...)
	return UserPage{UserPage: found, LockedUntil: locks}, err
}

// visible returns the profile with the fields that by may see.
func (s *Service) visible(ctx context.Context, by domain.Principal, catalog *domain.Catalog, user domain.User) (Profile,
	error,
) {
	locks, err := s.locks(ctx, by, catalog, user.ID)
	if err != nil {
		return Profile{}, err
	}
	p := profile(catalog, user)
	p.LockedUntil = locks[user.ID]
	return p, nil
}

// locks returns the end of the lock of each locked user, for passwords and second factors. It omits the lock of the
// principal: it would let the thief of a session estimate the value of further attempts.
func (s *Service) locks(ctx context.Context, by domain.Principal, catalog *domain.Catalog,
	ids ...domain.UserID,
) (map[domain.UserID]time.Time, error) {
	owners := map[string]domain.UserID{}
	accounts := make([]string, 0, 2*len(ids))
	for _, id := range ids {
		if id == by.UserID {
			continue
		}
		for _, account := range []string{lockout.AccountOf(id), factor.AttemptsKey(id)} {
			owners[account] = id
			accounts = append(accounts, account)
		}
	}
	if len(accounts) == 0 {
		return nil, nil //nolint:nilnil // a nil map means no locks
	}
	found, err := s.lockout.LatestLocks(ctx, catalog.Settings.Lockout, accounts...)
	if err != nil {
		return nil, err
	}
	locks := map[domain.UserID]time.Time{}
	for account, until := range found {
		if id := owners[account]; until.After(locks[id]) {
			locks[id] = until
		}
	}
	return locks, nil
}

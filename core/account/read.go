package account

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Get returns the user. It is for the user, an API key of the user, or a principal with users.read. For all others,
// every user is domain.ErrUserNotFound.
func (s *Service) Get(ctx context.Context, by domain.Principal, id domain.UserID) (Profile, error) {
	if err := by.RequireSignedIn(); err != nil {
		return Profile{}, err
	}
	if !by.BelongsTo(id) && !by.Can(domain.UsersRead) {
		return Profile{}, domain.ErrUserNotFound
	}
	user, err := s.deps.Users.Get(ctx, id)
	if err != nil {
		return Profile{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return Profile{}, err
	}
	return s.visible(ctx, by, catalog, user)
}

// Find returns the user with the ID, username or email, without regard to case. The restrictions of Get apply.
func (s *Service) Find(ctx context.Context, by domain.Principal, name string) (Profile, error) {
	if strings.HasPrefix(name, domain.UserPrefix) {
		found, err := s.Get(ctx, by, domain.UserID(name))
		if !errors.Is(err, domain.ErrUserNotFound) {
			return found, err
		}
	}
	if err := by.RequireSignedIn(); err != nil {
		return Profile{}, err
	}
	user, err := s.deps.Users.FindByLogin(ctx, s.deps.CaseFolder.Fold(name))
	if err != nil {
		return Profile{}, err
	}
	return s.Get(ctx, by, user.ID)
}

// Filter restricts the user list. Empty fields do not restrict it, and the conditions combine with AND.
type Filter struct {
	Role   string
	Group  string // name or ID
	Status string // a status, "inactive" or "pending"
	Search string // a substring of username, email or full name, without regard to case
	Login  string // the whole ID, username or email, without regard to case; it excludes the other conditions
	Sort   domain.UserSort
	Page   domain.Page
}

// statusNames maps the status names of a filter.
var statusNames = map[string]domain.UserStatus{
	"":                   "",
	"active":             domain.StatusActive,
	"inactive":           domain.StatusDeactivated,
	"deactivated":        domain.StatusDeactivated,
	"pending":            domain.StatusPending,
	"pending_activation": domain.StatusPending,
}

// List returns one page of users, the newest first unless the filter sets another order. It requires users.read. A role
// or group that does not exist matches no user.
func (s *Service) List(ctx context.Context, by domain.Principal, filter Filter) (UserPage, error) {
	if err := by.Require(domain.UsersRead); err != nil {
		return UserPage{}, err
	}
	if filter.Login != "" {
		return s.listOne(ctx, by, filter)
	}
	status, ok := statusNames[filter.Status]
	if !ok {
		return UserPage{}, fault.ErrInvalid.About("status", "must be active, inactive or pending")
	}
	if !domain.Limits.Search.Allows(utf8.RuneCountInString(filter.Search)) || strings.ContainsRune(filter.Search, 0) {
		return UserPage{}, fault.ErrInvalid.About("search", "must be "+domain.Limits.Search.String()+" characters")
	}
	query := domain.UserQuery{
		Role: domain.RoleID(filter.Role), Status: status, Search: s.deps.CaseFolder.Fold(filter.Search), Sort: filter.Sort,
		Page: filter.Page,
	}
	if query.Sort == "" {
		query.Sort = domain.SortCreatedDesc
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return UserPage{}, err
	}
	if filter.Group != "" {
		group, err := s.findGroups(catalog, []string{filter.Group})
		if err != nil {
			return UserPage{}, nil //nolint:nilerr // a group that does not exist has no members
		}
		query.Group = group[0]
	}
	found, err := s.deps.Users.List(ctx, query)
	if err != nil {
		return UserPage{}, err
	}
	return s.withLocks(ctx, by, catalog, found)
}

// listOne returns the user whom filter.Login names, or no user.
func (s *Service) listOne(ctx context.Context, by domain.Principal, filter Filter) (UserPage, error) {
	if filter.Role != "" || filter.Group != "" || filter.Status != "" || filter.Search != "" {
		return UserPage{}, fault.ErrInvalid.About("login", "cannot be combined with other conditions")
	}
	found, err := s.Find(ctx, by, filter.Login)
	if errors.Is(err, domain.ErrUserNotFound) {
		return UserPage{}, nil
	}
	if err != nil {
		return UserPage{}, err
	}
	page := UserPage{LockedUntil: map[domain.UserID]time.Time{found.ID: found.LockedUntil}}
	page.Users, page.Total = []domain.User{found.User}, 1
	return page, nil
}

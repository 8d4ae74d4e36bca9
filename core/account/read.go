package account

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// maxSearch bounds a search term, in characters. The longest text that is searched for whole is an address.
const maxSearch = domain.MaxEmailLength

// Get returns the user: oneself, the owner of the API key that asks, or anybody with users.read. To others, every user
// is domain.ErrUserNotFound.
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
	return s.shown(ctx, by, catalog, user)
}

// Find returns the user with this id, username or e-mail address, in whatever case. What Get says of others holds here too.
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
	user, err := s.deps.Users.FindByLogin(ctx, s.deps.Folder.Fold(name))
	if err != nil {
		return Profile{}, err
	}
	return s.Get(ctx, by, user.ID)
}

// Filter narrows the user list; empty fields do not. Its parts combine with AND.
type Filter struct {
	Role   string
	Group  string // name or id
	Status string // a status, or inactive or pending
	Search string // a substring of username, e-mail or full name, whatever the case
	Sort   domain.UserSort
	Page   domain.Page
}

// statusNames are what a filter calls the states.
var statusNames = map[string]domain.UserStatus{
	"":                   "",
	"active":             domain.StatusActive,
	"inactive":           domain.StatusDeactivated,
	"deactivated":        domain.StatusDeactivated,
	"pending":            domain.StatusPending,
	"pending_activation": domain.StatusPending,
}

// List returns one page of users, newest first unless the filter says otherwise. It takes users.read. A role or group that
// does not exist matches nobody.
func (s *Service) List(ctx context.Context, by domain.Principal, filter Filter) (UserPage, error) {
	if err := by.Require(domain.UsersRead); err != nil {
		return UserPage{}, err
	}
	status, ok := statusNames[filter.Status]
	if !ok {
		return UserPage{}, fault.ErrInvalid.About("status", "must be active, inactive or pending")
	}
	if utf8.RuneCountInString(filter.Search) > maxSearch || strings.ContainsRune(filter.Search, 0) {
		return UserPage{}, fault.ErrInvalid.About("search", "must be at most 254 characters")
	}
	query := domain.UserQuery{
		Role: domain.RoleID(filter.Role), Status: status, Search: s.deps.Folder.Fold(filter.Search), Sort: filter.Sort, Page: filter.Page,
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

package levels

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// administrator is the level up to which somebody may change others.
const administrator = 1

// Config is what the operator sets.
type Config struct {
	SelfSignup    bool // strangers may make themselves a guest
	AllowOwnReset bool // people may set their own password without the present one, as the original lets them
	ListMaxLevel  *int // who may list users: everybody up to this level; nil for everybody
	SignupRate    domain.Rate
}

// Needs is what a Service works with.
type Needs struct {
	Accounts *account.Service
	Access   *access.Service
	Users    ports.UserStore
	Catalog  ports.CatalogView
	Limits   ports.RateLimiter
	Folder   ports.TextFolder
	Clock    ports.Clock
	Config   Config
}

// Service applies the rules of levels.
type Service struct{ deps Needs }

// New returns a Service.
func New(n Needs) *Service { return &Service{deps: n} }

// Member is a user with their role.
type Member struct {
	domain.User
	Role domain.Role
}

// The failures of this package; each is told with a message of its own.
var (
	// ErrRefused is a request that the rules refuse and that this API calls a bad one.
	ErrRefused = fault.New(fault.Invalid, "invalid_request", "Refused")
	// ErrDenied is a request that takes a more powerful role.
	ErrDenied = fault.New(fault.Forbidden, "forbidden", "Access denied")
	// ErrTaken is a username, e-mail or role that exists.
	ErrTaken = fault.New(fault.Invalid, "validation_error", "Taken")
	// ErrNotAPerson is a token that stands for no user where one is needed.
	ErrNotAPerson = fault.New(fault.Unauthenticated, "unauthorized", "Invalid token or user not found")
)

func refused(format string, args ...any) error {
	return ErrRefused.Saying(fmt.Sprintf(format, args...))
}

// errLevelOne is the refusal of what takes an administrator.
var errLevelOne = ErrDenied.Saying("Access denied. Required role level: <= 1")

// administers reports whether by may act on others: a person whose role has an administrator's level, and the permission that
// goes with it. A role that was only given such a level, as this API makes them, has no more power than any other.
func administers(by domain.Principal) bool {
	return by.Level <= administrator && by.UserID != "" && by.Grants.Has(domain.UsersManage)
}

// find returns the user of a name, whatever its case; ok is false where there is none.
func (s *Service) find(ctx context.Context, name string) (member Member, ok bool, err error) {
	key := s.deps.Folder.Fold(strings.TrimSpace(name))
	user, err := s.deps.Users.FindByLogin(ctx, key)
	switch {
	case errors.Is(err, domain.ErrUserNotFound), err == nil && user.UsernameKey != key:
		return Member{}, false, nil
	case err != nil:
		return Member{}, false, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return Member{}, false, err
	}
	return memberOf(catalog, user), true, nil
}

func memberOf(catalog *domain.Catalog, user domain.User) Member {
	role, ok := catalog.Roles[user.Role]
	if !ok {
		role = domain.Role{ID: user.Role, Level: domain.DefaultRoleLevel}
	}
	return Member{User: user, Role: role}
}

// findRole returns the role of a name, whatever its case.
func (s *Service) findRole(ctx context.Context, name string) (domain.Role, bool, error) {
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return domain.Role{}, false, err
	}
	role, ok := catalog.Roles[domain.RoleID(strings.ToLower(strings.TrimSpace(name)))]
	return role, ok, nil
}

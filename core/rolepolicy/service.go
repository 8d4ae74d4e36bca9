package rolepolicy

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

// administrator is the highest level that may change other users.
const administrator = 1

// Config holds the operator's settings.
type Config struct {
	SelfSignup    bool // anonymous clients may create a guest
	AllowOwnReset bool // users may set their own password without the current one, as in the original
	ListMaxLevel  *int // the highest level that may list users; nil for all levels
	SignupRate    domain.Rate
}

// Deps holds the dependencies of a Service.
type Deps struct {
	Accounts   *account.Service
	Access     *access.Service
	Users      ports.UserStore
	Catalog    ports.CatalogView
	Limits     ports.RateLimiter
	CaseFolder ports.CaseFolder
	Clock      ports.Clock
	Config     Config
}

// Service applies the role policy.
type Service struct{ deps Deps }

// New returns a Service.
func New(n Deps) *Service { return &Service{deps: n} }

// Member is a user with their role.
type Member struct {
	domain.User
	Role domain.Role
}

// The failures of this package. The cause of each but ErrNotAPerson is a RefusalError.
var (
	// ErrRefused is a request that the policy refuses and that this API reports as invalid.
	ErrRefused = fault.New(fault.Invalid, "invalid_request", "Refused")
	// ErrDenied is a request that requires a more powerful role.
	ErrDenied = fault.New(fault.Forbidden, "forbidden", "Access denied")
	// ErrTaken is a username, email or role that exists.
	ErrTaken = fault.New(fault.Invalid, "validation_error", "Taken")
	// ErrNotAPerson is a token without a user where one is required.
	ErrNotAPerson = fault.New(fault.Unauthenticated, "unauthorized", "Invalid token or user not found")
)

// Rule is a rule of the policy.
type Rule int

// The rules, with what the arguments of their refusals are.
const (
	RuleLevel             Rule = iota // the policy denies it to the role level
	RuleAdministrator                 // only administrators may
	RuleUserUnknown                   // username
	RuleUsername                      // username
	RuleRoleUnknown                   // role
	RuleSignupRoleUnknown             // role
	RuleRoleTaken                     // role
	RuleUsernameTaken                 // username
	RuleEmailTaken                    // email
	RuleOwnLevel                      // no role more powerful than one's own is created
	RuleUpdateRole                    // only administrators assign roles
	RuleTargetLevel                   // own level
	RuleAssignLevel                   // no role more powerful than one's own is assigned
	RuleSudoOwnPassword               // verb
	RuleSudoPassword                  // verb
	RuleAdminPassword                 // verb, own level
	RuleOwnPassword                   // verb
	RuleCurrentRequired               // one's own password needs the current one
	RuleCurrentWrong                  // the current password is wrong
)

// RefusalError is the rule that refuses a request. The API that serves the policy has the words for it.
type RefusalError struct {
	Rule Rule
	Args []any
}

// Error returns the number of the rule.
func (r *RefusalError) Error() string { return fmt.Sprintf("rule %d of the role policy", r.Rule) }

func refused(rule Rule, args ...any) error { return ErrRefused.Because(&RefusalError{rule, args}) }

func denied(rule Rule) error { return ErrDenied.Because(&RefusalError{Rule: rule}) }

// administers reports whether by may act on others: a user whose role has an administrator's level and the permission
// that belongs to it. A role that only has the level, as this API creates them, has no such power.
func administers(by domain.Principal) bool {
	return by.Level <= administrator && by.UserID != "" && by.Grants.Has(domain.UsersManage)
}

// find returns the user with a name, ignoring case. ok is false if there is none.
func (s *Service) find(ctx context.Context, name string) (member Member, ok bool, err error) {
	key := s.deps.CaseFolder.Fold(strings.TrimSpace(name))
	catalog, err := s.deps.Catalog.Catalog(ctx) // also for an unknown name, which would be refused faster otherwise
	if err != nil {
		return Member{}, false, err
	}
	user, err := s.deps.Users.FindByLogin(ctx, key)
	switch {
	case errors.Is(err, domain.ErrUserNotFound), err == nil && user.UsernameKey != key:
		return Member{}, false, nil
	case err != nil:
		return Member{}, false, err
	}
	return memberOf(catalog, user), true, nil
}

func memberOf(catalog *domain.Catalog, user domain.User) Member {
	role, ok := catalog.Roles.Get(user.Role)
	if !ok {
		role = domain.Role{ID: user.Role, Level: domain.DefaultRoleLevel}
	}
	return Member{User: user, Role: role}
}

// findRole returns the role with a name, ignoring case.
func (s *Service) findRole(ctx context.Context, name string) (domain.Role, bool, error) {
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return domain.Role{}, false, err
	}
	role, ok := catalog.Roles.Get(domain.RoleID(strings.ToLower(strings.TrimSpace(name))))
	return role, ok, nil
}

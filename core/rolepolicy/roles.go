package rolepolicy

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
)

// Roles returns all roles except the superusers', most powerful first.
func (s *Service) Roles(ctx context.Context, by domain.Principal) ([]domain.Role, error) {
	all, err := s.deps.Access.Roles(ctx, by)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r domain.Role) bool { return r.ID == domain.RoleSudo })
	slices.SortStableFunc(all, func(a, b domain.Role) int { return a.Level - b.Level })
	return all, nil
}

// AddRole creates a role with a level and without permissions. It requires an administrator. The level must not be
// more powerful than the administrator's own.
func (s *Service) AddRole(ctx context.Context, by domain.Principal, name string, level int) (domain.Role, error) {
	if err := by.RequireSignedIn(); err != nil {
		return domain.Role{}, err
	}
	if by.Level > administrator || by.UserID == "" {
		return domain.Role{}, errLevelOne
	}
	id := strings.ToLower(strings.TrimSpace(name))
	if _, err := domain.ParseRoleID("name", id); err != nil {
		return domain.Role{}, err
	}
	if _, taken, err := s.findRole(ctx, id); err != nil || taken {
		return domain.Role{}, errors.Join(refused("Role %s exists", id), err)
	}
	if level >= 0 && level < by.Level {
		return domain.Role{}, ErrDenied.Saying("Access denied. The level of a role cannot be lower than your own")
	}
	role, err := s.deps.Access.CreateRole(ctx, by, access.RoleInput{ID: id, Name: id, Level: &level})
	if errors.Is(err, domain.ErrRoleExists) {
		return domain.Role{}, refused("Role %s exists", id)
	}
	return role, err
}

// UpdateRole assigns a user another role. It requires an administrator. Neither the user nor the role may be more
// powerful than the administrator.
func (s *Service) UpdateRole(ctx context.Context, by domain.Principal, name, roleName string) error {
	if err := by.RequireSignedIn(); err != nil {
		return err
	}
	if !administers(by) {
		return ErrDenied.Saying("Only admin and sudo users can update user roles")
	}
	target, ok, err := s.find(ctx, name)
	if err != nil {
		return err
	}
	if !ok {
		return refused("User %s not found", name)
	}
	role, ok, err := s.findRole(ctx, roleName)
	switch {
	case err != nil:
		return err
	case !ok:
		return refused("Role %s not found", roleName)
	case target.Role.Level < by.Level:
		return refused("You cannot change roles of users with role level lower than %d", by.Level)
	case role.Level < by.Level:
		return ErrDenied.Saying("Access denied. You cannot assign a role more powerful than your own")
	}
	id := string(role.ID)
	_, err = s.deps.Accounts.Update(ctx, by, target.ID, account.Patch{Role: &id})
	return err
}

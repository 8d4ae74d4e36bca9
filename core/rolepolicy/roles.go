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
		return domain.Role{}, denied(RuleAdministrator)
	}
	id := strings.ToLower(strings.TrimSpace(name))
	if _, err := domain.ParseRoleID("name", id); err != nil {
		return domain.Role{}, err
	}
	if _, taken, err := s.findRole(ctx, id); err != nil || taken {
		return domain.Role{}, errors.Join(refused(RuleRoleTaken, id), err)
	}
	if level >= 0 && level < by.Level {
		return domain.Role{}, denied(RuleOwnLevel)
	}
	role, err := s.deps.Access.CreateRole(ctx, by, access.RoleInput{ID: id, Name: id, Level: &level})
	if errors.Is(err, domain.ErrRoleExists) {
		return domain.Role{}, refused(RuleRoleTaken, id)
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
		return denied(RuleUpdateRole)
	}
	target, ok, err := s.find(ctx, name)
	if err != nil {
		return err
	}
	if !ok {
		return refused(RuleUserUnknown, name)
	}
	role, ok, err := s.findRole(ctx, roleName)
	switch {
	case err != nil:
		return err
	case !ok:
		return refused(RuleRoleUnknown, roleName)
	case target.Role.Level < by.Level:
		return refused(RuleTargetLevel, by.Level)
	case role.Level < by.Level:
		return denied(RuleAssignLevel)
	}
	id := string(role.ID)
	_, err = s.deps.Accounts.Update(ctx, by, target.ID, account.Patch{Role: &id})
	return err
}

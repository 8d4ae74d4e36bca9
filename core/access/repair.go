package access

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Repaired is a built-in role after a repair.
type Repaired struct {
	Role    domain.Role
	Changed bool // the role differed from the shipped one
}

// RepairRoles restores the shipped level and permissions of built-in roles: of the given roles, or of all built-in
// roles. Names stay. It requires system.configure, and for a role that differs the right to grant its permissions
// before and after. An unknown ID is domain.ErrRoleNotFound and a role that is not built in is fault.ErrInvalid, in
// both cases before any change.
func (s *Service) RepairRoles(ctx context.Context, by domain.Principal, ids ...string) ([]Repaired, error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return nil, err
	}
	shipped, err := s.shippedRoles(ctx, ids)
	if err != nil {
		return nil, err
	}
	repaired := make([]Repaired, 0, len(shipped))
	for _, role := range shipped {
		result, err := s.repairRole(ctx, by, role)
		if err != nil {
			return repaired, err
		}
		repaired = append(repaired, result)
	}
	return repaired, nil
}

func (s *Service) shippedRoles(ctx context.Context, ids []string) ([]domain.Role, error) {
	if len(ids) == 0 {
		return domain.BuiltInRoles(), nil
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	var roles []domain.Role
	for _, id := range ids {
		role, ok := domain.BuiltInRole(domain.RoleID(id))
		if _, exists := catalog.Roles.Get(domain.RoleID(id)); !exists {
			return nil, domain.ErrRoleNotFound
		}
		if !ok {
			return nil, fault.ErrInvalid.About("role", "must be a built-in role")
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func (s *Service) repairRole(ctx context.Context, by domain.Principal, shipped domain.Role) (Repaired, error) {
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return Repaired{}, err
	}
	before, ok := catalog.Roles.Get(shipped.ID)
	if !ok {
		return Repaired{}, domain.ErrRoleNotFound
	}
	after := before
	after.Level, after.Permissions = shipped.Level, slices.Clone(shipped.Permissions)
	if sameRole(before, after) {
		return Repaired{Role: before}, nil
	}
	for _, role := range []domain.Role{before, after} {
		if err := CheckGrant(by, role); err != nil {
			return Repaired{}, err
		}
	}
	role, err := s.storeRole(ctx, by, catalog, before, after, audit.Detail("repair", true))
	return Repaired{Role: role, Changed: true}, err
}

package access

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// RoleInput is the input of CreateRole. The default of Level is domain.DefaultRoleLevel.
type RoleInput struct {
	ID          string
	Name        string
	Permissions []string
	Level       *int
}

// RolePatch changes a role; nil fields stay unchanged.
type RolePatch struct {
	Name        *string
	Permissions *[]string
	Level       *int
}

// Roles returns all roles, the built-in ones first.
func (s *Service) Roles(ctx context.Context, by domain.Principal) ([]domain.Role, error) {
	catalog, err := s.catalogIf(ctx, by.RequireSignedIn())
	if err != nil {
		return nil, err
	}
	return sorted(catalog.Roles.All(), rolePosition, compareRole), nil
}

// ListRoles returns one page of Roles.
func (s *Service) ListRoles(ctx context.Context, by domain.Principal, page domain.Page) (domain.RolePage, error) {
	all, err := s.Roles(ctx, by)
	if err != nil {
		return domain.RolePage{}, err
	}
	roles, info := domain.CutPage(all, page, rolePosition, compareRole)
	return domain.RolePage{Roles: roles, PageInfo: info}, nil
}

// builtInPositions maps the built-in roles to their positions in the list.
var builtInPositions = func() map[string]int {
	positions := map[string]int{}
	for i, role := range domain.BuiltInRoles() {
		positions[string(role.ID)] = i + 1
	}
	return positions
}()

func rolePosition(r domain.Role) domain.Cursor {
	return domain.Cursor{Sort: domain.SortRoles, Key: string(r.ID), ID: string(r.ID)}
}

func compareRole(r domain.Role, at domain.Cursor) int {
	position := func(id string) int { return cmp.Or(builtInPositions[id], len(builtInPositions)+1) }
	return cmp.Or(cmp.Compare(position(string(r.ID)), position(at.ID)), cmp.Compare(string(r.ID), at.ID))
}

// Role returns one role. An unknown role is domain.ErrRoleNotFound.
func (s *Service) Role(ctx context.Context, by domain.Principal, id string) (domain.Role, error) {
	_, role, err := s.findRole(ctx, by.RequireSignedIn(), id)
	return role, err
}

// findRole returns the catalog and the role unless the principal was refused.
func (s *Service) findRole(ctx context.Context, refused error, id string) (*domain.Catalog, domain.Role, error) {
	catalog, err := s.catalogIf(ctx, refused)
	if err != nil {
		return nil, domain.Role{}, err
	}
	role, ok := catalog.Roles.Get(domain.RoleID(id))
	if !ok {
		return nil, domain.Role{}, domain.ErrRoleNotFound
	}
	return catalog, role, nil
}

// CreateRole creates a role. It requires roles.manage, and every permission in it must be held by the principal or
// allowed by system.configure. A taken ID is domain.ErrRoleExists.
func (s *Service) CreateRole(ctx context.Context, by domain.Principal, in RoleInput) (domain.Role, error) {
	catalog, err := s.catalogIf(ctx, by.Require(domain.RolesManage))
	if err != nil {
		return domain.Role{}, err
	}
	role, err := s.newRole(by, in)
	if err != nil {
		return domain.Role{}, err
	}
	if err := s.CheckNewRole(catalog, by, role); err != nil {
		return domain.Role{}, err
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionRoleCreate, string(role.ID),
		audit.Detail("permissions", domain.Texts[string](role.Permissions)), audit.Detail("level", role.Level)))
	if err := s.deps.Roles.Create(ctx, role, out); err != nil {
		return domain.Role{}, err
	}
	return role, s.reconcileIf(ctx, role.Permissions)
}

func (s *Service) newRole(by domain.Principal, in RoleInput) (domain.Role, error) {
	id, err := domain.ParseRoleID("role_id", in.ID)
	if err != nil {
		return domain.Role{}, err
	}
	role := domain.Role{ID: id, Name: in.Name, Level: domain.DefaultRoleLevel, CreatedAt: s.deps.Clock.Now().UTC()}
	role.Identifier = NewIdentifier(s.deps.IDs)
	edit(&role.Level, in.Level)
	if err := editPermissions(&role.Permissions, &in.Permissions); err != nil {
		return domain.Role{}, err
	}
	if err := checkRole(by, role); err != nil {
		return domain.Role{}, err
	}
	return role, checkWrite(by, role.Permissions)
}

// checkRole validates the name and level.
func checkRole(by domain.Principal, role domain.Role) error {
	if err := domain.Limits.RoleName.CheckVisible("name", role.Name); err != nil {
		return err
	}
	if level := domain.Limits.RoleLevel; !level.Allows(role.Level) {
		return fault.ErrInvalid.About("level", fmt.Sprintf("must be %d to %d", level.Min, level.Max))
	}
	return checkLevel(by, role.Level)
}

// checkLevel returns fault.ErrForbidden for a level that by may not grant or revoke. A level that the Users API treats
// as an administrator's requires an administrator, and one more powerful than by's own requires "*".
func checkLevel(by domain.Principal, level int) error {
	if level <= administratorLevel && !by.Grants.IsAdministrator() ||
		level < by.Level && !by.Grants.Has(domain.PermissionAll) {
		return fault.ErrForbidden
	}
	return nil
}

// CheckGrant returns fault.ErrForbidden unless by may grant the level and every permission of the role to others.
// Changing or deleting a role acts on all users with the role, so roles.manage alone is not enough.
func CheckGrant(by domain.Principal, role domain.Role) error {
	if err := checkLevel(by, role.Level); err != nil {
		return err
	}
	return checkWrite(by, role.Permissions)
}

// UpdateRole changes a role. It requires the permissions of the role before and after the change, under the same rules
// as CreateRole; a built-in role keeps its level (domain.ErrRoleLevel). The change applies to the next request of every
// user with the role.
func (s *Service) UpdateRole(ctx context.Context, by domain.Principal, id string, patch RolePatch) (domain.Role,
	error,
) {
	catalog, before, err := s.findRole(ctx, by.Require(domain.RolesManage), id)
	if err != nil {
		return domain.Role{}, err
	}
	after, err := patchRole(by, before, patch)
	if err != nil {
		return domain.Role{}, err
	}
	return s.storeRole(ctx, by, catalog, before, after)
}

// storeRole stores a changed role with its audit entry and keeps the administrator guard consistent.
func (s *Service) storeRole(
	ctx context.Context, by domain.Principal, catalog *domain.Catalog, before, after domain.Role, more ...audit.Option,
) (domain.Role, error) {
	if raises(before, after) {
		if err := s.checkRecent(catalog, by); err != nil {
			return domain.Role{}, err
		}
	}
	options := append(more, audit.Detail("old", roleDetails(before)), audit.Detail("new", roleDetails(after)))
	change := since(before, after, sameRole, func(r *domain.Role, out *domain.Outbox) error {
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionPermissionChange, string(r.ID), options...))
		r.Name, r.Level, r.Permissions = after.Name, after.Level, after.Permissions
		return nil
	})
	role, err := withGuard(ctx, s, catalog.WithRole(after), func() (domain.Role, error) {
		return s.deps.Roles.Update(ctx, before.ID, change)
	})
	if err != nil {
		return domain.Role{}, err
	}
	return role, s.reconcileIf(ctx, role.Permissions)
}

func patchRole(by domain.Principal, role domain.Role, patch RolePatch) (domain.Role, error) {
	if err := CheckGrant(by, role); err != nil {
		return domain.Role{}, err
	}
	before := role.Level
	edit(&role.Name, patch.Name)
	edit(&role.Level, patch.Level)
	if err := editPermissions(&role.Permissions, patch.Permissions); err != nil {
		return domain.Role{}, err
	}
	if shipped, ok := domain.BuiltInRole(role.ID); ok && role.Level != before && role.Level != shipped.Level {
		return domain.Role{}, domain.ErrRoleLevel
	}
	if err := checkRole(by, role); err != nil {
		return domain.Role{}, err
	}
	return role, checkWrite(by, role.Permissions)
}

// DeleteRole deletes a role that no user has; a built-in role cannot be deleted. It requires the permissions of the
// role, since a rule of a directory or of the settings can name it.
func (s *Service) DeleteRole(ctx context.Context, by domain.Principal, id string) error {
	_, role, err := s.findRole(ctx, by.Require(domain.RolesManage), id)
	if err != nil {
		return err
	}
	if role.BuiltIn {
		return domain.ErrRoleBuiltIn
	}
	if err := CheckGrant(by, role); err != nil {
		return err
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionRoleDelete, string(role.ID)))
	return s.deps.Roles.Delete(ctx, role.ID, out)
}

func sameRole(a, b domain.Role) bool {
	return a.Name == b.Name && a.Level == b.Level && slices.Equal(a.Permissions, b.Permissions)
}

func roleDetails(r domain.Role) map[string]any {
	return map[string]any{"name": r.Name, "level": r.Level, "permissions": domain.Texts[string](r.Permissions)}
}

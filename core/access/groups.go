package access

import (
	"cmp"
	"context"
	"slices"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// GroupInput is the input of CreateGroup.
type GroupInput struct {
	Name        string
	Description string
	Permissions []string
}

// GroupPatch changes a group; nil fields stay unchanged.
type GroupPatch struct {
	Name        *string
	Description *string
	Permissions *[]string
}

// Groups returns all groups by name. It requires users.read or groups.manage.
func (s *Service) Groups(ctx context.Context, by domain.Principal) ([]domain.Group, error) {
	catalog, err := s.catalogIf(ctx, mayRead(by))
	if err != nil {
		return nil, err
	}
	return sorted(catalog.Groups.All(), groupPosition, compareGroup), nil
}

// ListGroups returns one page of Groups.
func (s *Service) ListGroups(ctx context.Context, by domain.Principal, page domain.Page) (domain.GroupPage, error) {
	all, err := s.Groups(ctx, by)
	if err != nil {
		return domain.GroupPage{}, err
	}
	groups, info := domain.CutPage(all, page, groupPosition, compareGroup)
	return domain.GroupPage{Groups: groups, PageInfo: info}, nil
}

func groupPosition(g domain.Group) domain.Cursor {
	return domain.Cursor{Sort: domain.SortNames, Key: g.Name, ID: string(g.ID)}
}

func compareGroup(g domain.Group, at domain.Cursor) int {
	return cmp.Or(cmp.Compare(g.Name, at.Key), cmp.Compare(string(g.ID), at.ID))
}

// mayRead allows principals with groups.manage to read groups too, since they could not see what they change otherwise.
func mayRead(by domain.Principal) error {
	if by.Can(domain.GroupsManage) {
		return nil
	}
	return by.Require(domain.UsersRead)
}

// Group returns the group by its ID or name, without regard to case. It requires users.read or groups.manage.
func (s *Service) Group(ctx context.Context, by domain.Principal, idOrName string) (domain.Group, error) {
	catalog, err := s.catalogIf(ctx, mayRead(by))
	if err != nil {
		return domain.Group{}, err
	}
	return s.findGroup(catalog, idOrName)
}

func (s *Service) findGroup(catalog *domain.Catalog, idOrName string) (domain.Group, error) {
	if g, ok := catalog.Groups.Get(domain.GroupID(idOrName)); ok {
		return g, nil
	}
	if g, ok := catalog.FindGroup(idOrName, s.deps.CaseFolder.Fold); ok {
		return g, nil
	}
	return domain.Group{}, domain.ErrGroupNotFound
}

// CreateGroup creates a group. It requires groups.manage, and every permission in it must be held by the principal or
// allowed by system.configure. A taken name is domain.ErrGroupExists.
func (s *Service) CreateGroup(ctx context.Context, by domain.Principal, in GroupInput) (domain.Group, error) {
	if err := by.Require(domain.GroupsManage); err != nil {
		return domain.Group{}, err
	}
	now := s.deps.Clock.Now().UTC()
	group := domain.Group{
		ID: domain.GroupID(s.deps.IDs.NewID(domain.GroupPrefix)), Name: in.Name, Description: in.Description,
		CreatedAt: now, UpdatedAt: now,
	}
	group.SetNameKey(s.deps.CaseFolder.Fold)
	if err := editPermissions(&group.Permissions, &in.Permissions); err != nil {
		return domain.Group{}, err
	}
	if err := checkGroup(group); err != nil {
		return domain.Group{}, err
	}
	if err := checkWrite(by, group.Permissions); err != nil {
		return domain.Group{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return domain.Group{}, err
	}
	if catalog.NameTaken(&group) {
		return domain.Group{}, domain.ErrGroupExists
	}
	if addsRights(nil, group.Permissions) {
		if err := s.checkRecent(catalog, by); err != nil {
			return domain.Group{}, err
		}
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionGroupCreate, string(group.ID),
		audit.Detail("name", group.Name), audit.Detail("permissions", domain.Texts[string](group.Permissions))))
	return group, s.deps.Groups.Create(ctx, group, out)
}

func checkGroup(g domain.Group) error {
	if err := domain.CheckGroupName(g.Name); err != nil {
		return err
	}
	return domain.Limits.GroupDescription.CheckPrintable("description", g.Description)
}

// UpdateGroup changes a group under the same rules as CreateGroup. Any change requires the administrative permissions
// of the group. A new name requires all of its permissions if a mapping rule of a directory names the group before or
// after: the rename removes users of that directory from the group or adds them. A change of permissions is audited as
// such, and applies to the next request of every member.
func (s *Service) UpdateGroup(ctx context.Context, by domain.Principal, idOrName string,
	patch GroupPatch,
) (domain.Group, error) {
	catalog, before, err := s.managedGroup(ctx, by, idOrName)
	if err != nil {
		return domain.Group{}, err
	}
	after, err := s.patchGroup(catalog, by, before, patch)
	if err != nil {
		return domain.Group{}, err
	}
	// A new name can add users of a directory to the group.
	joins := after.Name != before.Name && s.isMapped(&after) && addsRights(nil, after.Permissions)
	if joins || addsRights(before.Permissions, after.Permissions) {
		if err := s.checkRecent(catalog, by); err != nil {
			return domain.Group{}, err
		}
	}
	change := since(before, after, sameGroup, func(g *domain.Group, out *domain.Outbox) error {
		action := domain.ActionGroupUpdate
		if !slices.Equal(before.Permissions, after.Permissions) {
			action = domain.ActionPermissionChange
		}
		out.Record(s.deps.AuditWriter.Entry(by, action, string(g.ID),
			audit.Detail("old", groupDetails(before)), audit.Detail("new", groupDetails(after))))
		g.Name, g.NameKey = after.Name, after.NameKey
		g.Description, g.Permissions, g.UpdatedAt = after.Description, after.Permissions, s.deps.Clock.Now().UTC()
		return nil
	})
	group, err := withGuard(ctx, s, catalog.WithGroup(after), func() (domain.Group, error) {
		return s.deps.Groups.Update(ctx, before.ID, change)
	})
	if err != nil {
		return domain.Group{}, err
	}
	return group, s.reconcileIf(ctx, group.Permissions)
}

func (s *Service) patchGroup(
	catalog *domain.Catalog, by domain.Principal, group domain.Group, patch GroupPatch,
) (domain.Group, error) {
	before := group
	if missing, ok := by.Grants.FirstNotGrantable(before.Permissions); ok {
		return domain.Group{}, fault.ErrForbidden.Because(escalation{"changing what gives", missing})
	}
	if err := s.rename(catalog, &group, patch.Name); err != nil {
		return domain.Group{}, err
	}
	edit(&group.Description, patch.Description)
	if err := editPermissions(&group.Permissions, patch.Permissions); err != nil {
		return domain.Group{}, err
	}
	if err := checkGroup(group); err != nil {
		return domain.Group{}, err
	}
	return group, s.checkGroupChange(by, &before, &group)
}

// checkGroupChange returns fault.ErrForbidden unless by may grant what the change adds and removes, and all permissions
// of the group if the change moves its name into or out of a mapping rule.
func (s *Service) checkGroupChange(by domain.Principal, before, after *domain.Group) error {
	if err := checkWrite(by, difference(after.Permissions, before.Permissions)); err != nil {
		return err
	}
	if after.Name != before.Name && (s.isMapped(before) || s.isMapped(after)) {
		return checkWrite(by, slices.Concat(before.Permissions, after.Permissions))
	}
	return nil
}

// rename sets the name of the group, if there is one, unless another group has it without regard to case.
func (s *Service) rename(catalog *domain.Catalog, group *domain.Group, name *string) error {
	if name == nil || *name == group.Name {
		return nil
	}
	group.Name = *name
	group.SetNameKey(s.deps.CaseFolder.Fold)
	if catalog.NameTaken(group) {
		return domain.ErrGroupExists
	}
	return nil
}

// isMapped reports whether a mapping rule of a directory names the group, without regard to case.
func (s *Service) isMapped(group *domain.Group) bool {
	return slices.ContainsFunc(s.deps.MappedGroups, func(name string) bool {
		mapped := domain.Group{Name: name}
		mapped.SetNameKey(s.deps.CaseFolder.Fold)
		return mapped.Key() == group.Key()
	})
}

// DeleteGroup deletes a group; the members lose its permissions with their next request. Deleting acts on the members,
// so by must hold every administrative permission in the group, and every permission if a mapping rule of a directory
// names the group.
func (s *Service) DeleteGroup(ctx context.Context, by domain.Principal, idOrName string) (domain.Group, error) {
	catalog, group, err := s.managedGroup(ctx, by, idOrName)
	if err != nil {
		return domain.Group{}, err
	}
	if missing, ok := by.Grants.FirstNotGrantable(group.Permissions); ok {
		return domain.Group{}, fault.ErrForbidden.Because(escalation{"removing", missing})
	}
	if s.isMapped(&group) {
		if err := checkWrite(by, group.Permissions); err != nil {
			return domain.Group{}, err
		}
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionGroupDelete, string(group.ID), audit.Detail("name", group.Name)))
	return withGuard(ctx, s, catalog.WithoutGroup(group.ID), func() (domain.Group, error) {
		return group, s.deps.Groups.Delete(ctx, group.ID, out)
	})
}

// managedGroup returns the group if the principal may manage groups.
func (s *Service) managedGroup(
	ctx context.Context, by domain.Principal, idOrName string,
) (*domain.Catalog, domain.Group, error) {
	catalog, err := s.catalogIf(ctx, by.Require(domain.GroupsManage))
	if err != nil {
		return nil, domain.Group{}, err
	}
	group, err := s.findGroup(catalog, idOrName)
	return catalog, group, err
}

func sameGroup(a, b domain.Group) bool {
	return a.Name == b.Name && a.Description == b.Description && slices.Equal(a.Permissions, b.Permissions)
}

func groupDetails(g domain.Group) map[string]any {
	return map[string]any{"name": g.Name, "description": g.Description, "permissions": domain.Texts[string](g.Permissions)}
}

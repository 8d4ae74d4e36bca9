package access

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

const maxDescription = 500

// GroupInput is a group to make.
type GroupInput struct {
	Name        string
	Description string
	Permissions []string
}

// GroupPatch changes a group; nil fields stay.
type GroupPatch struct {
	Name        *string
	Description *string
	Permissions *[]string
}

// Groups returns all groups by name. It takes users.read or groups.manage.
func (s *Service) Groups(ctx context.Context, by domain.Principal) ([]domain.Group, error) {
	if err := mayRead(by); err != nil {
		return nil, err
	}
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(catalog.Groups), func(a, b domain.Group) int { return compareGroup(a, groupPlace(b)) }), nil
}

// ListGroups returns one page of Groups.
func (s *Service) ListGroups(ctx context.Context, by domain.Principal, page domain.Page) (domain.GroupPage, error) {
	all, err := s.Groups(ctx, by)
	if err != nil {
		return domain.GroupPage{}, err
	}
	groups, info := domain.CutPage(all, page, groupPlace, compareGroup)
	return domain.GroupPage{Groups: groups, PageInfo: info}, nil
}

func groupPlace(g domain.Group) domain.Cursor {
	return domain.Cursor{Sort: domain.SortNames, Key: g.Name, ID: string(g.ID)}
}

func compareGroup(g domain.Group, at domain.Cursor) int {
	return cmp.Or(cmp.Compare(g.Name, at.Key), cmp.Compare(string(g.ID), at.ID))
}

// mayRead lets those read groups who manage them, too: they could not see what they change.
func mayRead(by domain.Principal) error {
	if by.Can(domain.GroupsManage) {
		return nil
	}
	return by.Require(domain.UsersRead)
}

// Group returns the group by its id or name, whatever the case of the letters. It takes users.read or groups.manage.
func (s *Service) Group(ctx context.Context, by domain.Principal, idOrName string) (domain.Group, error) {
	if err := mayRead(by); err != nil {
		return domain.Group{}, err
	}
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return domain.Group{}, err
	}
	return s.findGroup(catalog, idOrName)
}

func (s *Service) findGroup(catalog *domain.Catalog, idOrName string) (domain.Group, error) {
	if g, ok := catalog.Groups[domain.GroupID(idOrName)]; ok {
		return g, nil
	}
	if g, ok := catalog.FindGroup(idOrName, s.folder.Fold); ok {
		return g, nil
	}
	return domain.Group{}, domain.ErrGroupNotFound
}

// CreateGroup makes a group. It takes groups.manage, and every permission written into it must be held or come with
// system.configure; a taken name is domain.ErrGroupExists.
func (s *Service) CreateGroup(ctx context.Context, by domain.Principal, in GroupInput) (domain.Group, error) {
	if err := by.Require(domain.GroupsManage); err != nil {
		return domain.Group{}, err
	}
	now := s.clock.Now().UTC()
	group := domain.Group{
		ID: domain.GroupID(s.ids.NewID(domain.GroupPrefix)), Name: in.Name, Description: in.Description,
		CreatedAt: now, UpdatedAt: now,
	}
	group.SetNameKey(s.folder.Fold)
	var err error
	if group.Permissions, err = domain.ParseGrantedPermissions(in.Permissions); err != nil {
		return domain.Group{}, err
	}
	if err := checkGroup(group); err != nil {
		return domain.Group{}, err
	}
	if err := checkWrite(by, group.Permissions); err != nil {
		return domain.Group{}, err
	}
	catalog, err := s.catalog.Catalog(ctx)
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
	out.Record(s.journal.Entry(by, domain.ActionGroupCreate, string(group.ID),
		audit.Detail("name", group.Name), audit.Detail("permissions", texts(group.Permissions))))
	return group, s.groups.CreateGroup(ctx, group, out)
}

func checkGroup(g domain.Group) error {
	if err := domain.CheckGroupName(g.Name); err != nil {
		return err
	}
	if utf8.RuneCountInString(g.Description) > maxDescription || !utf8.ValidString(g.Description) {
		return fault.ErrInvalid.About("description", "must be at most 500 characters")
	}
	return nil
}

// UpdateGroup changes a group under the same rules as CreateGroup. Any change takes the administrative permissions of
// the group, and a new name all of its permissions where a mapping rule of a directory names the group before or
// after: the rename takes the group away from people of that directory, or gives it to them. A change of permissions
// is recorded as one, and counts from the very next request of every member.
func (s *Service) UpdateGroup(ctx context.Context, by domain.Principal, idOrName string, patch GroupPatch) (domain.Group, error) {
	catalog, before, err := s.managedGroup(ctx, by, idOrName)
	if err != nil {
		return domain.Group{}, err
	}
	after, err := s.patchGroup(catalog, by, before, patch)
	if err != nil {
		return domain.Group{}, err
	}
	// A new name can give the group to the people of a directory.
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
		out.Record(s.journal.Entry(by, action, string(g.ID),
			audit.Detail("old", groupDetails(before)), audit.Detail("new", groupDetails(after))))
		g.Name, g.NameKey = after.Name, after.NameKey
		g.Description, g.Permissions, g.UpdatedAt = after.Description, after.Permissions, s.clock.Now().UTC()
		return nil
	})
	group, err := leading(ctx, s, withGroup(catalog, after), func() (domain.Group, error) {
		return s.groups.UpdateGroup(ctx, before.ID, change)
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
	if patch.Description != nil {
		group.Description = *patch.Description
	}
	if patch.Permissions != nil {
		parsed, err := domain.ParseGrantedPermissions(*patch.Permissions)
		if err != nil {
			return domain.Group{}, err
		}
		group.Permissions = parsed
	}
	if err := checkGroup(group); err != nil {
		return domain.Group{}, err
	}
	return group, s.checkGroupChange(by, &before, &group)
}

// checkGroupChange returns fault.ErrForbidden unless by may write what the change adds and removes, and all that the
// group gives where the change moves its name into or out of a mapping rule.
func (s *Service) checkGroupChange(by domain.Principal, before, after *domain.Group) error {
	if err := checkWrite(by, difference(after.Permissions, before.Permissions)); err != nil {
		return err
	}
	if after.Name != before.Name && (s.isMapped(before) || s.isMapped(after)) {
		return checkWrite(by, slices.Concat(before.Permissions, after.Permissions))
	}
	return nil
}

// rename gives the group the name, if there is one, unless another group has it without regard to case.
func (s *Service) rename(catalog *domain.Catalog, group *domain.Group, name *string) error {
	if name == nil || *name == group.Name {
		return nil
	}
	group.Name = *name
	group.SetNameKey(s.folder.Fold)
	if catalog.NameTaken(group) {
		return domain.ErrGroupExists
	}
	return nil
}

// isMapped reports whether a mapping rule of a directory names the group, whatever the case of the letters.
func (s *Service) isMapped(group *domain.Group) bool {
	return slices.ContainsFunc(s.mappedGroups, func(name string) bool {
		mapped := domain.Group{Name: name}
		mapped.SetNameKey(s.folder.Fold)
		return mapped.Key() == group.Key()
	})
}

// DeleteGroup removes a group; its members lose what it gave with their very next request. Taking it away is acting on its
// members, so every administrative permission in it must be by's own, and every permission where a mapping rule of a
// directory names the group.
func (s *Service) DeleteGroup(ctx context.Context, by domain.Principal, idOrName string) (domain.Group, error) {
	catalog, group, err := s.managedGroup(ctx, by, idOrName)
	if err != nil {
		return domain.Group{}, err
	}
	if missing, ok := by.Grants.FirstNotGrantable(group.Permissions); ok {
		return domain.Group{}, fault.ErrForbidden.Because(escalation{"taking away", missing})
	}
	if s.isMapped(&group) {
		if err := checkWrite(by, group.Permissions); err != nil {
			return domain.Group{}, err
		}
	}
	changed := *catalog
	changed.Groups = maps.Clone(catalog.Groups)
	delete(changed.Groups, group.ID)
	var out domain.Outbox
	out.Record(s.journal.Entry(by, domain.ActionGroupDelete, string(group.ID), audit.Detail("name", group.Name)))
	return leading(ctx, s, &changed, func() (domain.Group, error) {
		return group, s.groups.DeleteGroup(ctx, group.ID, out)
	})
}

// managedGroup returns the group to a principal who may manage groups; to others who may not even read them it does not exist.
func (s *Service) managedGroup(ctx context.Context, by domain.Principal, idOrName string) (*domain.Catalog, domain.Group, error) {
	if err := by.Require(domain.GroupsManage); err != nil {
		return nil, domain.Group{}, err
	}
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return nil, domain.Group{}, err
	}
	group, err := s.findGroup(catalog, idOrName)
	return catalog, group, err
}

func withGroup(catalog *domain.Catalog, group domain.Group) *domain.Catalog {
	changed := *catalog
	changed.Groups = maps.Clone(catalog.Groups)
	changed.Groups[group.ID] = group
	return &changed
}

func sameGroup(a, b domain.Group) bool {
	return a.Name == b.Name && a.Description == b.Description && slices.Equal(a.Permissions, b.Permissions)
}

func groupDetails(g domain.Group) map[string]any {
	return map[string]any{"name": g.Name, "description": g.Description, "permissions": texts(g.Permissions)}
}

package domain

import (
	"iter"
	"slices"
)

// Catalog is one consistent view of roles, groups and settings. It is shared and must not be modified. A copy may be:
// the copies share their roles and groups, so that a change costs little however many there are.
type Catalog struct {
	Version  int64
	Roles    SharedMap[RoleID, Role]
	Groups   Groups
	Settings Settings
}

// NewCatalog returns a catalog of these roles and groups.
func NewCatalog(version int64, settings Settings, roles []Role, groups []Group) *Catalog {
	return &Catalog{
		Version: version, Settings: settings, Groups: newGroups(groups),
		Roles: NewSharedMap(func(yield func(RoleID, Role) bool) {
			for i := range roles {
				if !yield(roles[i].ID, roles[i]) {
					return
				}
			}
		}),
	}
}

// Role returns the role with the ID, or a zero one if there is none.
func (c *Catalog) Role(id RoleID) Role {
	role, _ := c.Roles.Get(id)
	return role
}

// WithRole returns a copy of the catalog with the role.
func (c *Catalog) WithRole(role Role) *Catalog {
	changed := *c
	changed.Roles = c.Roles.With(role.ID, role)
	return &changed
}

// WithGroup returns a copy of the catalog with the group.
func (c *Catalog) WithGroup(group Group) *Catalog {
	changed := *c
	changed.Groups = c.Groups.With(group)
	return &changed
}

// WithoutGroup returns a copy of the catalog without the group.
func (c *Catalog) WithoutGroup(id GroupID) *Catalog {
	changed := *c
	changed.Groups = c.Groups.Without(id)
	return &changed
}

// Groups is an immutable set of groups that finds them by ID and by name. The zero value is empty.
type Groups struct {
	byID   SharedMap[GroupID, Group]
	byName SharedMap[string, GroupID]
	byKey  SharedMap[string, []GroupID] // earlier versions allowed several groups with the same key
}

func newGroups(groups []Group) Groups {
	keys := make(map[string][]GroupID, len(groups))
	for i := range groups {
		keys[groups[i].Key()] = append(keys[groups[i].Key()], groups[i].ID)
	}
	return Groups{
		byID: NewSharedMap(func(yield func(GroupID, Group) bool) {
			for i := range groups {
				if !yield(groups[i].ID, groups[i]) {
					return
				}
			}
		}),
		byName: NewSharedMap(func(yield func(string, GroupID) bool) {
			for i := range groups {
				if !yield(groups[i].Name, groups[i].ID) {
					return
				}
			}
		}),
		byKey: NewSharedMap(func(yield func(string, []GroupID) bool) {
			for key, ids := range keys {
				if !yield(key, ids) {
					return
				}
			}
		}),
	}
}

// Get returns the group with the ID.
func (g Groups) Get(id GroupID) (Group, bool) { return g.byID.Get(id) }

// Len returns the number of groups.
func (g Groups) Len() int { return g.byID.Len() }

// All yields the groups in no particular order.
func (g Groups) All() iter.Seq[Group] { return g.byID.All() }

// With returns the groups with the group, which replaces one with the same ID.
func (g Groups) With(group Group) Groups {
	before, ok := g.Get(group.ID)
	if ok && (before.Name != group.Name || before.Key() != group.Key()) {
		g, ok = g.Without(group.ID), false
	}
	g.byID = g.byID.With(group.ID, group)
	if ok {
		return g
	}
	g.byName = g.byName.With(group.Name, group.ID)
	ids, _ := g.byKey.Get(group.Key())
	g.byKey = g.byKey.With(group.Key(), append(slices.Clone(ids), group.ID))
	return g
}

// Without returns the groups without the group.
func (g Groups) Without(id GroupID) Groups {
	group, ok := g.Get(id)
	if !ok {
		return g
	}
	g.byID = g.byID.Without(id)
	if named, _ := g.byName.Get(group.Name); named == id { // another group may have got the name already
		g.byName = g.byName.Without(group.Name)
	}
	ids, _ := g.byKey.Get(group.Key())
	ids = slices.DeleteFunc(slices.Clone(ids), func(other GroupID) bool { return other == id })
	if len(ids) == 0 {
		g.byKey = g.byKey.Without(group.Key())
		return g
	}
	g.byKey = g.byKey.With(group.Key(), ids)
	return g
}

// GroupByName returns the group with the exact name.
func (c *Catalog) GroupByName(name string) (Group, bool) {
	id, ok := c.Groups.byName.Get(name)
	if !ok {
		return Group{}, false
	}
	return c.Groups.Get(id)
}

// FindGroup returns the group with the name: the one with exactly this name, or else the only one with the name without
// regard to case. fold is the case folding of names.
func (c *Catalog) FindGroup(name string, fold func(string) string) (Group, bool) {
	if g, ok := c.GroupByName(name); ok {
		return g, true
	}
	wanted := Group{Name: name}
	wanted.SetNameKey(fold)
	ids, _ := c.Groups.byKey.Get(wanted.Key())
	if len(ids) != 1 {
		return Group{}, false
	}
	return c.Groups.Get(ids[0])
}

// NameTaken reports whether a group other than g has its name without regard to case.
func (c *Catalog) NameTaken(g *Group) bool {
	ids, _ := c.Groups.byKey.Get(g.Key())
	return slices.ContainsFunc(ids, func(id GroupID) bool { return id != g.ID })
}

// NameKeyTaken is NameTaken among the groups that have a NameKey, which g must have.
func (c *Catalog) NameKeyTaken(g *Group) bool {
	ids, _ := c.Groups.byKey.Get(g.NameKey)
	return slices.ContainsFunc(ids, func(id GroupID) bool {
		other, _ := c.Groups.Get(id)
		return id != g.ID && other.NameKey == g.NameKey
	})
}

// Grants returns all grants of the user: those of the role, then those of the groups in the order of membership. It is
// the only function that resolves permissions; a deleted role or group grants nothing.
func (c *Catalog) Grants(u *User) Grants {
	role := c.Role(u.Role).Permissions
	grants := make(Grants, 0, len(role)+4*len(u.Groups))
	source := "role:" + string(u.Role)
	for _, p := range role {
		grants = append(grants, Grant{Source: source, Permission: p})
	}
	for _, id := range u.Groups {
		g, ok := c.Groups.Get(id)
		if !ok || len(g.Permissions) == 0 {
			continue
		}
		source := "group:" + g.Name
		for _, p := range g.Permissions {
			grants = append(grants, Grant{Source: source, Permission: p})
		}
	}
	return grants
}

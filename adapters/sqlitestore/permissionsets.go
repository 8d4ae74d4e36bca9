package sqlitestore

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// permissionSets implements ports.PermissionSetStore for roles or groups: a table whose records the catalog maps by ID.
type permissionSets[K ~string, V any] struct {
	s      *Store
	get    func(*domain.Catalog, K) (V, bool)
	put    func(*domain.Catalog, V)
	drop   func(*domain.Catalog, K)
	id     func(*V) *K
	clone  func(V) V
	unique func(*V) string // the value of the unique column
	encode func(V) (string, error)
	insert string // takes id, unique value and document, and writes nothing if one of the first two is taken
	update string // takes unique value, document and id, likewise
	remove string
	// clashes reports whether item conflicts with another record of the catalog. It is nil if records cannot conflict.
	// The result is valid until the transaction commits, since there is one writer.
	clashes func(c *domain.Catalog, before, item *V) bool
	// unused returns nil if the record may be deleted.
	unused func(*tx, K) error
	absent error
	taken  error
}

// Roles returns the store of roles.
func (s *Store) Roles() ports.RoleStore { return s.roles() }

func (s *Store) roles() *permissionSets[domain.RoleID, domain.Role] {
	return &permissionSets[domain.RoleID, domain.Role]{
		s:    s,
		get:  func(c *domain.Catalog, id domain.RoleID) (domain.Role, bool) { return c.Roles.Get(id) },
		put:  func(c *domain.Catalog, r domain.Role) { c.Roles = c.Roles.With(r.ID, r) },
		drop: func(c *domain.Catalog, id domain.RoleID) { c.Roles = c.Roles.Without(id) },
		id:   func(r *domain.Role) *domain.RoleID { return &r.ID },
		clone: func(r domain.Role) domain.Role {
			r.Permissions = slices.Clone(r.Permissions)
			return r
		},
		unique: func(r *domain.Role) string { return r.Identifier },
		encode: func(r domain.Role) (string, error) { return encode(records.NewRole(&r)) },
		insert: "INSERT OR IGNORE INTO roles (id, identifier, doc) VALUES (?, ?, ?)",
		update: "UPDATE OR IGNORE roles SET identifier = ?, doc = ? WHERE id = ?",
		remove: "DELETE FROM roles WHERE id = ?",
		unused: roleUnused,
		absent: domain.ErrRoleNotFound,
		taken:  domain.ErrRoleExists,
	}
}

func roleUnused(t *tx, id domain.RoleID) error {
	var users int64
	err := t.get(errNoRow, "SELECT coalesce(sum(users), 0) FROM user_cells WHERE role = ?", []any{string(id)}, &users)
	if err == nil && users > 0 {
		err = domain.ErrRoleInUse
	}
	return err
}

// Groups returns the store of groups.
func (s *Store) Groups() ports.GroupStore {
	return &permissionSets[domain.GroupID, domain.Group]{
		s:    s,
		get:  func(c *domain.Catalog, id domain.GroupID) (domain.Group, bool) { return c.Groups.Get(id) },
		put:  func(c *domain.Catalog, g domain.Group) { c.Groups = c.Groups.With(g) },
		drop: func(c *domain.Catalog, id domain.GroupID) { c.Groups = c.Groups.Without(id) },
		id:   func(g *domain.Group) *domain.GroupID { return &g.ID },
		clone: func(g domain.Group) domain.Group {
			g.Permissions = slices.Clone(g.Permissions)
			return g
		},
		unique: func(g *domain.Group) string { return g.Name },
		encode: func(g domain.Group) (string, error) { return encode(records.NewGroup(&g)) },
		insert: "INSERT OR IGNORE INTO groups (id, name, doc) VALUES (?, ?, ?)",
		update: "UPDATE OR IGNORE groups SET name = ?, doc = ? WHERE id = ?",
		remove: "DELETE FROM groups WHERE id = ?",
		clashes: func(c *domain.Catalog, before, g *domain.Group) bool {
			// Groups without a key were stored by versions that allowed names which differ only in case. They keep
			// their names.
			return g.NameKey != "" && (before == nil || before.NameKey != g.NameKey) && c.NameKeyTaken(g)
		},
		unused: func(*tx, domain.GroupID) error { return nil }, // users may still list a deleted group
		absent: domain.ErrGroupNotFound,
		taken:  domain.ErrGroupExists,
	}
}

// add inserts the record and returns 0 if a unique value is taken.
func (p *permissionSets[K, V]) add(t *tx, item V) (int64, error) {
	doc, err := p.encode(item)
	if err != nil {
		return 0, err
	}
	return t.execCount(p.insert, string(*p.id(&item)), p.unique(&item), doc)
}

func (p *permissionSets[K, V]) replace(t *tx, item V) (int64, error) {
	doc, err := p.encode(item)
	if err != nil {
		return 0, err
	}
	return t.execCount(p.update, p.unique(&item), doc, string(*p.id(&item)))
}

// Create implements ports.PermissionSetStore.
func (p *permissionSets[K, V]) Create(ctx context.Context, item V, out domain.Outbox) error {
	return p.s.writer.do(ctx, func(t *tx) error {
		return p.s.changeCatalog(t, &out, func(c *domain.Catalog) error {
			if p.clashes != nil && p.clashes(c, nil, &item) {
				return p.taken
			}
			p.put(c, p.clone(item))
			return p.written(p.add(t, item))
		})
	})
}

func (p *permissionSets[K, V]) written(count int64, err error) error {
	if err == nil && count == 0 {
		return p.taken
	}
	return err
}

// Update implements ports.PermissionSetStore: it applies change in one transaction.
func (p *permissionSets[K, V]) Update(ctx context.Context, id K, change ports.Change[V]) (V, error) {
	var result, none V
	err := p.s.writer.do(ctx, func(t *tx) error {
		before, ok := p.get(p.s.currentCatalog(t), id)
		if !ok {
			return p.absent
		}
		var out domain.Outbox
		err := p.s.changeCatalog(t, &out, func(c *domain.Catalog) error {
			result = p.clone(before)
			if err := change(&result, &out); err != nil {
				return err
			}
			*p.id(&result) = id
			if p.clashes != nil && p.clashes(c, &before, &result) {
				return p.taken
			}
			p.put(c, p.clone(result))
			return p.written(p.replace(t, result))
		})
		if errors.Is(err, domain.ErrUnchanged) {
			result = p.clone(before)
			return nil
		}
		return err
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

// Delete implements ports.PermissionSetStore.
func (p *permissionSets[K, V]) Delete(ctx context.Context, id K, out domain.Outbox) error {
	return p.s.writer.do(ctx, func(t *tx) error {
		return p.s.changeCatalog(t, &out, func(c *domain.Catalog) error {
			if _, ok := p.get(c, id); !ok {
				return p.absent
			}
			if err := p.unused(t, id); err != nil {
				return err
			}
			p.drop(c, id)
			return t.exec(p.remove, string(id))
		})
	})
}

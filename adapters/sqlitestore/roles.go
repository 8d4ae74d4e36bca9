package sqlitestore

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

func roleTable() *catalogTable[domain.RoleID, domain.Role] {
	return &catalogTable[domain.RoleID, domain.Role]{
		in: func(c *domain.Catalog) map[domain.RoleID]domain.Role { return c.Roles },
		id: func(r *domain.Role) *domain.RoleID { return &r.ID },
		clone: func(r domain.Role) domain.Role {
			r.Permissions = slices.Clone(r.Permissions)
			return r
		},
		insert: insertRole,
		update: func(t *tx, r domain.Role) (int64, error) {
			doc, err := encode(records.NewRole(&r))
			if err != nil {
				return 0, err
			}
			return t.execCount("UPDATE OR IGNORE roles SET identifier = ?, doc = ? WHERE id = ?", r.Identifier, doc, string(r.ID))
		},
		remove: "DELETE FROM roles WHERE id = ?",
		unused: roleUnused,
		absent: domain.ErrRoleNotFound,
		taken:  domain.ErrRoleExists,
	}
}

func insertRole(t *tx, r domain.Role) (int64, error) {
	doc, err := encode(records.NewRole(&r))
	if err != nil {
		return 0, err
	}
	return t.execCount("INSERT OR IGNORE INTO roles (id, identifier, doc) VALUES (?, ?, ?)", string(r.ID), r.Identifier, doc)
}

func roleUnused(t *tx, id domain.RoleID) error {
	var users int64
	err := t.get(errNoFacet, "SELECT coalesce(sum(users), 0) FROM user_cells WHERE role = ?", []any{string(id)}, &users)
	if err == nil && users > 0 {
		err = domain.ErrRoleInUse
	}
	return err
}

// CreateRole stores a new role.
func (cs *Catalog) CreateRole(ctx context.Context, role domain.Role, out domain.Outbox) error {
	return roleTable().create(ctx, cs.s, role, out)
}

// UpdateRole applies change to the role in one transaction.
func (cs *Catalog) UpdateRole(ctx context.Context, id domain.RoleID, change ports.Change[domain.Role]) (domain.Role, error) {
	return roleTable().change(ctx, cs.s, id, change)
}

// DeleteRole deletes the role. It returns domain.ErrRoleInUse if a user has it.
func (cs *Catalog) DeleteRole(ctx context.Context, id domain.RoleID, out domain.Outbox) error {
	return roleTable().delete(ctx, cs.s, id, out)
}

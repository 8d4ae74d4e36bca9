package sqlitestore

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// CreateRole stores a new role.
func (cs *Catalog) CreateRole(ctx context.Context, role domain.Role, out domain.Outbox) error {
	doc, err := encode(roleRecord(role))
	if err != nil {
		return err
	}
	return cs.s.writer.do(ctx, func(t *tx) error {
		err := cs.s.changeCatalog(t, func(c *domain.Catalog) error {
			count, err := t.execCount("INSERT OR IGNORE INTO roles (id, identifier, doc) VALUES (?, ?, ?)", string(role.ID), role.Identifier, doc)
			if err == nil && count == 0 {
				err = domain.ErrRoleExists
			}
			c.Roles[role.ID] = cloneRole(role)
			return err
		})
		if err != nil {
			return err
		}
		return cs.s.writeOutbox(t, out)
	})
}

// UpdateRole applies change to the role in one step.
func (cs *Catalog) UpdateRole(ctx context.Context, id domain.RoleID, change ports.Change[domain.Role]) (domain.Role, error) {
	var result domain.Role
	err := cs.s.writer.do(ctx, func(t *tx) error {
		var out domain.Outbox
		before, ok := cs.s.presentCatalog(t).Roles[id]
		if !ok {
			return domain.ErrRoleNotFound
		}
		err := cs.s.changeCatalog(t, func(c *domain.Catalog) error {
			result = cloneRole(before)
			if err := change(&result, &out); err != nil {
				return err
			}
			result.ID = id
			c.Roles[id] = cloneRole(result)
			return replaceRole(t, result)
		})
		if errors.Is(err, domain.ErrUnchanged) {
			result = cloneRole(before)
			return nil
		} else if err != nil {
			return err
		}
		return cs.s.writeOutbox(t, out)
	})
	if err != nil {
		return domain.Role{}, err
	}
	return result, nil
}

func replaceRole(t *tx, role domain.Role) error {
	doc, err := encode(roleRecord(role))
	if err != nil {
		return err
	}
	count, err := t.execCount("UPDATE OR IGNORE roles SET identifier = ?, doc = ? WHERE id = ?", role.Identifier, doc, string(role.ID))
	if err == nil && count == 0 {
		err = domain.ErrRoleExists // another one has the identifier
	}
	return err
}

// DeleteRole removes the role unless a user has it.
func (cs *Catalog) DeleteRole(ctx context.Context, id domain.RoleID, out domain.Outbox) error {
	return cs.s.writer.do(ctx, func(t *tx) error {
		var users int64
		if err := t.get(nil, "SELECT coalesce(sum(users), 0) FROM user_cells WHERE role = ?", []any{string(id)}, &users); err != nil {
			return err
		}
		if users > 0 {
			return domain.ErrRoleInUse
		}
		err := cs.s.changeCatalog(t, func(c *domain.Catalog) error {
			if _, ok := c.Roles[id]; !ok {
				return domain.ErrRoleNotFound
			}
			delete(c.Roles, id)
			return t.exec("DELETE FROM roles WHERE id = ?", string(id))
		})
		if err != nil {
			return err
		}
		return cs.s.writeOutbox(t, out)
	})
}

func cloneRole(r domain.Role) domain.Role {
	r.Permissions = slices.Clone(r.Permissions)
	return r
}

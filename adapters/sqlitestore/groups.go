package sqlitestore

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// CreateGroup stores a new group.
func (cs *Catalog) CreateGroup(ctx context.Context, group domain.Group, out domain.Outbox) error {
	doc, err := encode(groupRecord(group))
	if err != nil {
		return err
	}
	return cs.s.writer.do(ctx, func(t *tx) error {
		err := cs.s.changeCatalog(t, func(c *domain.Catalog) error {
			count, err := t.execCount("INSERT OR IGNORE INTO groups (id, name, doc) VALUES (?, ?, ?)", string(group.ID), group.Name, doc)
			if err == nil && count == 0 {
				err = domain.ErrGroupExists
			}
			c.Groups[group.ID] = cloneGroup(group)
			return err
		})
		if err != nil {
			return err
		}
		return cs.s.writeOutbox(t, out)
	})
}

// UpdateGroup applies change to the group in one step.
func (cs *Catalog) UpdateGroup(ctx context.Context, id domain.GroupID, change ports.Change[domain.Group]) (domain.Group, error) {
	var result domain.Group
	err := cs.s.writer.do(ctx, func(t *tx) error {
		var out domain.Outbox
		before, ok := cs.s.presentCatalog(t).Groups[id]
		if !ok {
			return domain.ErrGroupNotFound
		}
		err := cs.s.changeCatalog(t, func(c *domain.Catalog) error {
			result = cloneGroup(before)
			if err := change(&result, &out); err != nil {
				return err
			}
			result.ID = id
			c.Groups[id] = cloneGroup(result)
			return replaceGroup(t, result)
		})
		if errors.Is(err, domain.ErrUnchanged) {
			result = cloneGroup(before)
			return nil
		} else if err != nil {
			return err
		}
		return cs.s.writeOutbox(t, out)
	})
	if err != nil {
		return domain.Group{}, err
	}
	return result, nil
}

func replaceGroup(t *tx, group domain.Group) error {
	doc, err := encode(groupRecord(group))
	if err != nil {
		return err
	}
	count, err := t.execCount("UPDATE OR IGNORE groups SET name = ?, doc = ? WHERE id = ?", group.Name, doc, string(group.ID))
	if err == nil && count == 0 {
		err = domain.ErrGroupExists // another one has the name
	}
	return err
}

// DeleteGroup removes the group.
func (cs *Catalog) DeleteGroup(ctx context.Context, id domain.GroupID, out domain.Outbox) error {
	return cs.s.writer.do(ctx, func(t *tx) error {
		err := cs.s.changeCatalog(t, func(c *domain.Catalog) error {
			if _, ok := c.Groups[id]; !ok {
				return domain.ErrGroupNotFound
			}
			delete(c.Groups, id)
			return t.exec("DELETE FROM groups WHERE id = ?", string(id))
		})
		if err != nil {
			return err
		}
		return cs.s.writeOutbox(t, out)
	})
}

func cloneGroup(g domain.Group) domain.Group {
	g.Permissions = slices.Clone(g.Permissions)
	return g
}

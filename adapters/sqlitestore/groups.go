package sqlitestore

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

func groupTable() *catalogTable[domain.GroupID, domain.Group] {
	return &catalogTable[domain.GroupID, domain.Group]{
		in: func(c *domain.Catalog) map[domain.GroupID]domain.Group { return c.Groups },
		id: func(g *domain.Group) *domain.GroupID { return &g.ID },
		clone: func(g domain.Group) domain.Group {
			g.Permissions = slices.Clone(g.Permissions)
			return g
		},
		insert: func(t *tx, g domain.Group) (int64, error) {
			doc, err := encode(records.NewGroup(&g))
			if err != nil {
				return 0, err
			}
			return t.execCount("INSERT OR IGNORE INTO groups (id, name, doc) VALUES (?, ?, ?)", string(g.ID), g.Name, doc)
		},
		update: func(t *tx, g domain.Group) (int64, error) {
			doc, err := encode(records.NewGroup(&g))
			if err != nil {
				return 0, err
			}
			return t.execCount("UPDATE OR IGNORE groups SET name = ?, doc = ? WHERE id = ?", g.Name, doc, string(g.ID))
		},
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

// CreateGroup stores a new group.
func (cs *Catalog) CreateGroup(ctx context.Context, group domain.Group, out domain.Outbox) error {
	return groupTable().create(ctx, cs.s, group, out)
}

// UpdateGroup applies change to the group in one transaction.
func (cs *Catalog) UpdateGroup(ctx context.Context, id domain.GroupID, change ports.Change[domain.Group]) (domain.Group, error) {
	return groupTable().change(ctx, cs.s, id, change)
}

// DeleteGroup deletes the group.
func (cs *Catalog) DeleteGroup(ctx context.Context, id domain.GroupID, out domain.Outbox) error {
	return groupTable().delete(ctx, cs.s, id, out)
}

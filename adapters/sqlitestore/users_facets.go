package sqlitestore

import "github.com/ostiary/ostiary/core/domain"

// sameFacet reports whether both users have the same facet. A facet is a combination of role, status and directory. The
// table user_cells counts the users of each facet, and the column cell of the table users refers to it.
func sameFacet(a, b *domain.User) bool {
	return a.Role == b.Role && a.Status == b.Status && a.Directory == b.Directory
}

// checkRole returns domain.ErrRoleNotFound if the role does not exist. It may have been deleted since the caller read
// it.
func (s *Store) checkRole(t *tx, role domain.RoleID) error {
	if _, ok := s.currentCatalog(t).Roles.Get(role); !ok && role != "" {
		return domain.ErrRoleNotFound
	}
	return nil
}

// moveFacet decrements the counter of the facet of before and increments that of after. It returns the facet of after.
// Either user may be nil.
func moveFacet(t *tx, before, after *domain.User) (facet int64, err error) {
	if before != nil && after != nil && sameFacet(before, after) {
		err = t.get(errNoRow, "SELECT cell FROM user_cells WHERE role = ? AND status = ? AND directory = ?",
			facetOf(after), &facet)
		return facet, err
	}
	if before != nil {
		err = t.exec("UPDATE user_cells SET users = users - 1 WHERE role = ? AND status = ? AND directory = ?",
			facetOf(before)...)
	}
	if err != nil || after == nil {
		return 0, err
	}
	err = t.get(errNoRow, `INSERT INTO user_cells (role, status, directory, users) VALUES (?, ?, ?, 1)
		ON CONFLICT DO UPDATE SET users = users + 1 RETURNING cell`, facetOf(after), &facet)
	return facet, err
}

func facetOf(u *domain.User) []any {
	return []any{string(u.Role), string(u.Status), string(u.Directory)}
}

// moveGroups updates the group memberships of the user and the sizes of the groups.
func moveGroups(t *tx, n int64, before, after []domain.GroupID) error {
	for _, id := range before {
		count, err := t.execCount("DELETE FROM group_members WHERE group_id = ? AND n = ?", string(id), n)
		if err != nil {
			return err
		}
		if count > 0 { // the user may list a group twice
			if err := t.exec("UPDATE group_sizes SET members = members - 1 WHERE group_id = ?", string(id)); err != nil {
				return err
			}
		}
	}
	for _, id := range after {
		count, err := t.execCount("INSERT OR IGNORE INTO group_members (group_id, n) VALUES (?, ?)", string(id), n)
		if err != nil {
			return err
		}
		if count > 0 {
			err := t.exec(
				"INSERT INTO group_sizes (group_id, members) VALUES (?, 1) ON CONFLICT DO UPDATE SET members = members + 1", string(
					id))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

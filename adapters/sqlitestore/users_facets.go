package sqlitestore

import (
	"errors"

	"github.com/ostiary/ostiary/core/domain"
)

var errNoFacet = errors.New("no such cell")

func sameFacet(a, b *domain.User) bool {
	return a.Role == b.Role && a.Status == b.Status && a.Directory == b.Directory
}

// checkRole refuses a role that is gone: somebody may have deleted it since it was looked up.
func (s *Store) checkRole(t *tx, role domain.RoleID) error {
	if _, ok := s.currentCatalog(t).Roles[role]; !ok && role != "" {
		return domain.ErrRoleNotFound
	}
	return nil
}

// moveCell counts the user out of the cell of before and into that of after, either of which may be nil, and returns
// the latter.
func moveFacet(t *tx, before, after *domain.User) (int64, error) {
	if before != nil && after != nil && sameFacet(before, after) {
		return facetOf(t, after)
	}
	if before != nil {
		facet, err := facetOf(t, before)
		if err != nil {
			return 0, err
		}
		if err := t.exec("UPDATE user_cells SET users = users - 1 WHERE cell = ?", facet); err != nil {
			return 0, err
		}
	}
	if after == nil {
		return 0, nil
	}
	facet, err := facetOf(t, after)
	if errors.Is(err, errNoFacet) {
		err = t.exec("INSERT INTO user_cells (role, status, directory, users) VALUES (?, ?, ?, 0)",
			string(after.Role), string(after.Status), string(after.Directory))
		if err == nil {
			facet, err = facetOf(t, after)
		}
	}
	if err != nil {
		return 0, err
	}
	return facet, t.exec("UPDATE user_cells SET users = users + 1 WHERE cell = ?", facet)
}

func facetOf(t *tx, u *domain.User) (facet int64, err error) {
	err = t.get(errNoFacet, "SELECT cell FROM user_cells WHERE role = ? AND status = ? AND directory = ?",
		[]any{string(u.Role), string(u.Status), string(u.Directory)}, &facet)
	return facet, err
}

// moveGroups writes who belongs where, and how many.
func moveGroups(t *tx, n int64, before, after []domain.GroupID) error {
	for _, id := range before {
		count, err := t.execCount("DELETE FROM group_members WHERE group_id = ? AND n = ?", string(id), n)
		if err != nil {
			return err
		}
		if count > 0 { // a group that the user names twice goes once
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
			err := t.exec("INSERT INTO group_sizes (group_id, members) VALUES (?, 1) ON CONFLICT DO UPDATE SET members = members + 1", string(id))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

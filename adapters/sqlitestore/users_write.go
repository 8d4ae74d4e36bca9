package sqlitestore

import (
	"slices"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

func (s *Store) insertUser(t *tx, u *domain.User) error {
	if err := checkOtherKind(t, -1, &domain.User{}, u); err != nil {
		return err
	}
	return s.restoreUser(t, u)
}

// restoreUser is insertUser for a user of another store. It accepts a collision between username and email address,
// which earlier versions did not refuse.
func (s *Store) restoreUser(t *tx, u *domain.User) error {
	if err := checkFree(t, -1, "id", "SELECT n FROM users WHERE id = ?", string(u.ID)); err != nil {
		return err
	}
	if err := checkUnique(t, -1, u); err != nil {
		return err
	}
	if err := s.checkRole(t, u.Role); err != nil {
		return err
	}
	n, err := s.freePosition(t, u.CreatedAt)
	if err != nil {
		return err
	}
	facet, err := moveFacet(t, nil, u)
	if err != nil {
		return err
	}
	doc, err := encode(records.NewUser(u))
	if err != nil {
		return err
	}
	err = t.exec(`INSERT INTO users (n, id, identifier, username, email, directory, subject, cell, last_login, search_text, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n, string(u.ID), u.Identifier, u.UsernameKey, u.EmailKey, string(u.Directory), string(u.Subject), facet, stamp(
			u.LastLogin), u.SearchText, doc)
	if err != nil {
		return err
	}
	if err := moveGroups(t, n, nil, u.Groups); err != nil {
		return err
	}
	if err := markListed(t, nil, u.Sessions); err != nil {
		return err
	}
	s.dropLogins(t, u)
	return s.queueSearch(t, n, false)
}

// replaceUser writes the changed columns. Most changes affect only the document and no indexed column.
func (s *Store) replaceUser(t *tx, before *storedUser, u *domain.User) error {
	old := &before.user
	doc, err := encode(records.NewUser(u))
	if err != nil {
		return err
	}
	if sameKeys(old, u) {
		err = t.exec("UPDATE users SET doc = ? WHERE n = ?", doc, before.n)
	} else {
		err = s.replaceKeys(t, before, u, doc)
	}
	if err != nil {
		return err
	}
	if !slices.Equal(old.Groups, u.Groups) {
		if err := moveGroups(t, before.n, old.Groups, u.Groups); err != nil {
			return err
		}
	}
	if err := markListed(t, old.Sessions, u.Sessions); err != nil {
		return err
	}
	if old.SearchText != u.SearchText || !sameFacet(old, u) || !slices.Equal(old.Groups, u.Groups) {
		if err := s.queueSearch(t, before.n, true); err != nil {
			return err
		}
	}
	shared := u.Clone()
	t.onCommit(func() { s.view.users.put(u.ID, &shared) })
	return nil
}

// dropLogins removes the usernames and email addresses of the users from the login cache after the commit.
func (s *Store) dropLogins(t *tx, users ...*domain.User) {
	keys := make([]string, 0, 2*len(users))
	for _, u := range users {
		keys = append(keys, u.UsernameKey, u.EmailKey)
	}
	t.onCommit(func() {
		for _, key := range keys {
			s.view.logins.drop(key)
		}
	})
}

func sameKeys(a, b *domain.User) bool {
	return a.Identifier == b.Identifier && a.UsernameKey == b.UsernameKey && a.EmailKey == b.EmailKey &&
		a.SearchText == b.SearchText &&
		a.Directory == b.Directory && a.Subject == b.Subject && sameFacet(a, b) && a.LastLogin.Equal(b.LastLogin)
}

func (s *Store) replaceKeys(t *tx, before *storedUser, u *domain.User, doc string) error {
	old := *before
	old.user.LastLogin = u.LastLogin
	if sameKeys(&old.user, u) { // a sign-in updates two indexes, not all
		return t.exec("UPDATE users SET doc = ?, last_login = ? WHERE n = ?", doc, stamp(u.LastLogin), before.n)
	}
	if err := checkUnique(t, before.n, u); err != nil {
		return err
	}
	if err := checkOtherKind(t, before.n, &before.user, u); err != nil {
		return err
	}
	s.dropLogins(t, &before.user, u)
	if before.user.Role != u.Role {
		if err := s.checkRole(t, u.Role); err != nil {
			return err
		}
	}
	facet, err := moveFacet(t, &before.user, u)
	if err != nil {
		return err
	}
	return t.exec(`UPDATE users SET doc = ?, identifier = ?, username = ?, email = ?, directory = ?, subject = ?, cell = ?,
		last_login = ?, search_text = ? WHERE n = ?`,
		doc, u.Identifier, u.UsernameKey, u.EmailKey, string(u.Directory), string(u.Subject), facet, stamp(
			u.LastLogin), u.SearchText, before.n)
}

func (s *Store) deleteUser(t *tx, id domain.UserID) error {
	stored, err := loadUser(t, id)
	if err != nil {
		return err
	}
	if _, err := moveFacet(t, &stored.user, nil); err != nil {
		return err
	}
	if err := moveGroups(t, stored.n, stored.user.Groups, nil); err != nil {
		return err
	}
	for _, query := range []string{
		"DELETE FROM sessions WHERE user_id = ?", "DELETE FROM api_keys WHERE user_id = ?",
		"DELETE FROM messages WHERE user_id = ?",
		"DELETE FROM admin_guard WHERE user_id = ?", "DELETE FROM users WHERE id = ?",
	} {
		if err := t.exec(query, string(id)); err != nil {
			return err
		}
	}
	s.dropLogins(t, &stored.user)
	t.onCommit(func() { s.view.users.drop(id) }) // a session or key without its user is treated as not found
	return s.queueSearch(t, stored.n, true)
}

// markListed updates the sessions that were added to or removed from the user's list. The sweep deletes unlisted
// sessions.
func markListed(t *tx, before, after []domain.SessionRef) error {
	mark := func(refs, others []domain.SessionRef, listed int) error {
		for _, ref := range refs {
			if slices.ContainsFunc(others, func(o domain.SessionRef) bool { return o.ID == ref.ID }) {
				continue
			}
			if err := t.exec("UPDATE sessions SET listed = ? WHERE id = ?", listed, string(ref.ID)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := mark(after, before, 1); err != nil {
		return err
	}
	return mark(before, after, 0)
}

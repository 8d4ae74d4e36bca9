package conformance

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// restoreUsers stores users as a copy of another store does, which accepts collisions from before they were refused.
func restoreUsers(t *testing.T, s Stores, users ...domain.User) {
	t.Helper()
	var things []domain.Archived
	for _, u := range users {
		things = append(things, domain.Archived{Key: string(u.ID), Value: u})
	}
	must(t, s.Archive.Restore(t.Context(), domain.ArchiveUsers, things))
}

func userOtherKind(t *testing.T, s Stores) {
	a, b := newUser(1), newUser(2)
	must(t, s.Users.Create(t.Context(), a, domain.Outbox{}))
	must(t, s.Users.Create(t.Context(), b, domain.Outbox{}))
	wanted := newUser(3)
	wanted.UsernameKey = a.EmailKey
	named(t, s.Users.Create(t.Context(), wanted, outbox(domain.ActionUserCreate, string(wanted.ID))), "username")
	wanted = newUser(3)
	wanted.EmailKey = a.UsernameKey
	named(t, s.Users.Create(t.Context(), wanted, outbox(domain.ActionUserCreate, string(wanted.ID))), "email")
	for field, change := range map[string]func(*domain.User){
		"username": func(u *domain.User) { u.UsernameKey = a.EmailKey },
		"email":    func(u *domain.User) { u.EmailKey = a.UsernameKey },
	} {
		_, err := s.Users.Update(t.Context(), b.ID, func(u *domain.User, out *domain.Outbox) error {
			change(u)
			*out = outbox(domain.ActionUserUpdate, string(u.ID))
			return nil
		})
		named(t, err, field)
		unchangedUser(t, s, b)
	}
	must(t, s.Users.Delete(t.Context(), a.ID, domain.Outbox{}))
	wanted = newUser(3)
	wanted.UsernameKey = a.EmailKey
	must(t, s.Users.Create(t.Context(), wanted, domain.Outbox{}))
}

func userOwnEmail(t *testing.T, s Stores) {
	u := newUser(1)
	u.UsernameKey = u.EmailKey
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	other := newUser(2)
	must(t, s.Users.Create(t.Context(), other, domain.Outbox{}))
	got, err := s.Users.Update(t.Context(), other.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.EmailKey = u.UsernameKey
		return nil
	})
	must(t, err)
	if got.EmailKey != other.UsernameKey {
		t.Errorf("the email is %q, want the own username", got.EmailKey)
	}
	_, err = s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.EmailKey = "another@example.com" // the username keeps the former one
		return nil
	})
	must(t, err)
	wanted := newUser(3)
	wanted.EmailKey = u.UsernameKey
	named(t, s.Users.Create(t.Context(), wanted, domain.Outbox{}), "email")
}

func isTaken(err error) bool { return errors.Is(err, domain.ErrUserExists) }

func userOtherKindRace(t *testing.T, s Stores) {
	for round := range 10 {
		name := fmt.Sprintf("wanted%d@example.com", round)
		wins := race(t, 6, isTaken, func(i int) error {
			u := newUser(100*round + i)
			if i%2 == 0 {
				u.UsernameKey = name
			} else {
				u.EmailKey = name
			}
			return s.Users.Create(t.Context(), u, outbox(domain.ActionUserCreate, name))
		})
		if wins != 1 {
			t.Errorf("%d users got the name", wins)
		}
		if n := len(entriesAbout(t, s, name)); n != 1 {
			t.Errorf("%d entries, want 1", n)
		}
	}
}

func userOtherKindChangeRace(t *testing.T, s Stores) {
	for round := range 10 {
		name := fmt.Sprintf("wanted%d@example.com", round)
		var users []domain.User
		for i := range 4 {
			users = append(users, newUser(100*round+i))
			must(t, s.Users.Create(t.Context(), users[i], domain.Outbox{}))
		}
		wins := race(t, 5, isTaken, func(i int) error {
			if i == 4 {
				u := newUser(100*round + 50)
				u.UsernameKey = name
				return s.Users.Create(t.Context(), u, domain.Outbox{})
			}
			_, err := s.Users.Update(t.Context(), users[i].ID, func(u *domain.User, _ *domain.Outbox) error {
				if i%2 == 0 {
					u.UsernameKey = name
				} else {
					u.EmailKey = name
				}
				return nil
			})
			return err
		})
		if wins != 1 {
			t.Errorf("%d users got the name", wins)
		}
	}
}

// Stores from before the rule contain users who collide: both keep their names, and no other user gets the name.
func userCollision(t *testing.T, s Stores) {
	const name = "shared@example.com"
	a, b := newUser(1), newUser(2)
	a.UsernameKey, b.EmailKey = name, name
	restoreUsers(t, s, a, b)
	for _, id := range []domain.UserID{b.ID, a.ID, b.ID} {
		_, err := s.Users.Update(t.Context(), id, func(u *domain.User, _ *domain.Outbox) error {
			u.FullName, u.SearchText = u.FullName+"!", u.SearchText+"!"
			return nil
		})
		must(t, err)
	}
	got, err := s.Users.FindByLogin(t.Context(), name)
	must(t, err)
	if got.ID != a.ID {
		t.Errorf("the name finds %s, want %s whose username it is", got.ID, a.ID)
	}
	got, err = s.Users.FindByEmail(t.Context(), name)
	must(t, err)
	if got.ID != b.ID {
		t.Errorf("the address finds %s, want %s whose e-mail it is", got.ID, b.ID)
	}
	_, err = s.Users.Update(t.Context(), a.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.UsernameKey = "renamed"
		return nil
	})
	must(t, err)
	third := newUser(3)
	third.UsernameKey = name
	named(t, s.Users.Create(t.Context(), third, domain.Outbox{}), "username")
	_, err = s.Users.Update(t.Context(), a.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.UsernameKey = name
		return nil
	})
	named(t, err, "username")
	_, err = s.Users.Update(t.Context(), b.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.EmailKey = "other@example.com"
		return nil
	})
	must(t, err)
	must(t, s.Users.Create(t.Context(), third, domain.Outbox{}))
}

func groupKey(t *testing.T, s Stores) {
	a := newGroup("Ops")
	a.NameKey = "ops"
	must(t, s.Groups.Create(t.Context(), a, domain.Outbox{}))
	b := newGroup("OPS")
	b.NameKey = "ops"
	if err := s.Groups.Create(t.Context(), b, domain.Outbox{}); !errors.Is(err, domain.ErrGroupExists) {
		t.Errorf("got %v, want ErrGroupExists", err)
	}
	b.NameKey, b.Name = "staff", "Staff"
	must(t, s.Groups.Create(t.Context(), b, domain.Outbox{}))
	rename := func(id domain.GroupID, name, key string) error {
		_, err := s.Groups.Update(t.Context(), id, func(g *domain.Group, _ *domain.Outbox) error {
			g.Name, g.NameKey = name, key
			return nil
		})
		return err
	}
	if err := rename(b.ID, "oPs", "ops"); !errors.Is(err, domain.ErrGroupExists) {
		t.Errorf("got %v, want ErrGroupExists", err)
	}
	must(t, rename(a.ID, "OPs", "ops")) // one's own name in another case
	must(t, s.Groups.Delete(t.Context(), a.ID, domain.Outbox{}))
	must(t, rename(b.ID, "oPs", "ops"))
}

func groupKeyRace(t *testing.T, s Stores) {
	taken := func(err error) bool { return errors.Is(err, domain.ErrGroupExists) }
	wins := race(t, 8, taken, func(i int) error {
		g := newGroup([]string{"wanted", "Wanted", "WANTED", "wanteD", "wAnted", "waNted", "wanTed", "wantEd"}[i])
		g.NameKey = "wanted"
		return s.Groups.Create(t.Context(), g, domain.Outbox{})
	})
	if wins != 1 {
		t.Errorf("%d groups got the name", wins)
	}
}

// Stores from before the rule contain groups whose names differ only in case, without keys.
func groupWithoutKey(t *testing.T, s Stores) {
	a, b := newGroup("ops"), newGroup("Ops")
	must(t, s.Groups.Create(t.Context(), a, domain.Outbox{}))
	must(t, s.Groups.Create(t.Context(), b, domain.Outbox{}))
	for _, id := range []domain.GroupID{a.ID, b.ID} {
		_, err := s.Groups.Update(t.Context(), id, func(g *domain.Group, _ *domain.Outbox) error {
			g.Description = "changed"
			return nil
		})
		must(t, err)
	}
}

// StoreCollisions stores users and groups whose names collide, as stores from before the rules contain them:
// Collisions.
func StoreCollisions(t *testing.T, users ports.UserStore, groups ports.GroupStore, archive ports.Archive) {
	t.Helper()
	s := Stores{Users: users, Groups: groups, Archive: archive}
	a, b, c, d := newUser(1), newUser(2), newUser(3), newUser(4)
	a.ID, b.ID, c.ID, d.ID = "usr_1", "usr_2", "usr_3", "usr_4"
	a.UsernameKey, b.EmailKey = "first@example.com", "first@example.com"
	b.UsernameKey, a.EmailKey = "second@example.com", "second@example.com"
	c.UsernameKey, c.EmailKey = "own@example.com", "own@example.com"
	restoreUsers(t, s, a, b, c, d)
	for id, name := range map[domain.GroupID]string{"grp_1": "Ops", "grp_2": "ops", "grp_3": "staff", "grp_4": "OPS "} {
		g := newGroup(name)
		g.ID = id
		must(t, s.Groups.Create(t.Context(), g, domain.Outbox{}))
	}
}

// Collisions returns the collisions that StoreCollisions stores.
func Collisions() []domain.Collision {
	return []domain.Collision{
		{Kind: domain.CollisionUser, Name: "first@example.com", Holders: []string{"usr_1", "usr_2"}},
		{Kind: domain.CollisionUser, Name: "second@example.com", Holders: []string{"usr_2", "usr_1"}},
		{Kind: domain.CollisionGroup, Name: "ops", Holders: []string{"grp_1", "grp_2", "grp_4"}},
	}
}

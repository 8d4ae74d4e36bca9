package conformance

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

func catalog(t *testing.T, s Stores) *domain.Catalog {
	t.Helper()
	c, err := s.Catalog.Catalog(t.Context())
	must(t, err)
	return c
}

func groupOf(c *domain.Catalog, id domain.GroupID) domain.Group {
	group, _ := c.Groups.Get(id)
	return group
}

func newRole(id domain.RoleID) domain.Role {
	return domain.Role{
		ID: id, Identifier: newID("")[18:], Name: "Role", Permissions: []domain.Permission{"bots.use", "x.*"}, Level: 40,
		CreatedAt: epoch,
	}
}

func newGroup(name string) domain.Group {
	return domain.Group{
		ID: domain.GroupID(newID(domain.GroupPrefix)), Name: name, Description: "A group",
		Permissions: []domain.Permission{"bots.use"},
		CreatedAt:   epoch, UpdatedAt: epoch,
	}
}

// RoleStore tests a ports.RoleStore.
func RoleStore(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"begins with the built-in roles": func(t *testing.T, s Stores) {
			roles := catalog(t, s).Roles
			for _, role := range domain.BuiltInRoles() {
				stored, _ := roles.Get(role.ID)
				same(t, stored, role)
			}
		},
		"shows every acknowledged change in the catalog": func(t *testing.T, s Stores) {
			before := catalog(t, s)
			role := newRole("staff")
			must(t, s.Roles.Create(t.Context(), role, outbox(domain.ActionRoleCreate, "staff")))
			created := catalog(t, s)
			same(t, created.Role("staff"), role)
			got, err := s.Roles.Update(t.Context(), "staff", func(r *domain.Role, out *domain.Outbox) error {
				r.Name, r.Permissions[0] = "Staff", "y.z"
				*out = outbox(domain.ActionPermissionChange, "staff")
				return nil
			})
			must(t, err)
			updated := catalog(t, s)
			same(t, updated.Role("staff"), got)
			must(t, s.Roles.Delete(t.Context(), "staff", outbox(domain.ActionRoleDelete, "staff")))
			deleted := catalog(t, s)
			if _, ok := deleted.Roles.Get("staff"); ok {
				t.Error("a deleted role is still there")
			}
			if before.Version >= created.Version || created.Version >= updated.Version || updated.Version >= deleted.Version {
				t.Errorf("the versions are %d, %d, %d, %d", before.Version, created.Version, updated.Version, deleted.Version)
			}
			same(t, created.Role("staff"), role) // an old catalog does not change
			if n := len(entriesAbout(t, s, "staff")); n != 3 {
				t.Errorf("%d entries, want 3", n)
			}
		},
		"refuses what is absent or taken": func(t *testing.T, s Stores) {
			must(t, s.Roles.Create(t.Context(), newRole("staff"), domain.Outbox{}))
			if err := s.Roles.Create(t.Context(), newRole("staff"), outbox(domain.ActionRoleCreate, "staff")); !errors.Is(err,
				domain.ErrRoleExists) {
				t.Errorf("got %v, want ErrRoleExists", err)
			}
			_, err := s.Roles.Update(t.Context(), "none", func(*domain.Role, *domain.Outbox) error { return nil })
			err2 := s.Roles.Delete(t.Context(), "none", domain.Outbox{})
			if !errors.Is(err, domain.ErrRoleNotFound) || !errors.Is(err2, domain.ErrRoleNotFound) {
				t.Errorf("got %v and %v, want ErrRoleNotFound", err, err2)
			}
			if n := len(entriesAbout(t, s, "staff")); n != 0 {
				t.Errorf("%d entries were left", n)
			}
		},
		"leaves nothing of a refused change": func(t *testing.T, s Stores) {
			role := newRole("staff")
			must(t, s.Roles.Create(t.Context(), role, domain.Outbox{}))
			version := catalog(t, s).Version
			for _, failure := range []error{errRefused, domain.ErrUnchanged} {
				got, err := s.Roles.Update(t.Context(), "staff", func(r *domain.Role, out *domain.Outbox) error {
					r.Permissions[0] = "half.done"
					*out = outbox(domain.ActionPermissionChange, "staff")
					return failure
				})
				if errors.Is(failure, domain.ErrUnchanged) {
					must(t, err)
					same(t, got, role)
				} else if !errors.Is(err, errRefused) {
					t.Errorf("got %v, want the error of the change", err)
				}
			}
			c := catalog(t, s)
			same(t, c.Role("staff"), role)
			if c.Version != version || len(entriesAbout(t, s, "staff")) != 0 {
				t.Error("a refused change has left something")
			}
		},
		"never deletes a role that a racing assignment gives": func(t *testing.T, s Stores) {
			for i := range 20 {
				id := domain.RoleID(fmt.Sprint("race-", i))
				must(t, s.Roles.Create(t.Context(), newRole(id), domain.Outbox{}))
				u := newUser(i)
				must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
				allowed := func(err error) bool {
					return errors.Is(err, domain.ErrRoleInUse) || errors.Is(err, domain.ErrRoleNotFound)
				}
				race(t, 2, allowed, func(n int) error {
					if n == 0 {
						return s.Roles.Delete(t.Context(), id, domain.Outbox{})
					}
					_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
						u.Role = id
						return nil
					})
					return err
				})
				stored, err := s.Users.Get(t.Context(), u.ID)
				must(t, err)
				if _, ok := catalog(t, s).Roles.Get(stored.Role); !ok {
					t.Fatalf("the user has role %s, which was deleted", stored.Role)
				}
			}
		},
	})
}

// GroupStore tests a ports.GroupStore.
func GroupStore(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"shows every acknowledged change in the catalog": func(t *testing.T, s Stores) {
			before := catalog(t, s)
			group := newGroup("ops")
			must(t, s.Groups.Create(t.Context(), group, outbox(domain.ActionGroupCreate, "ops")))
			created := catalog(t, s)
			same(t, groupOf(created, group.ID), group)
			got, err := s.Groups.Update(t.Context(), group.ID, func(g *domain.Group, out *domain.Outbox) error {
				g.Name, g.UpdatedAt = "operators", epoch.Add(time.Hour)
				*out = outbox(domain.ActionGroupUpdate, "ops")
				return nil
			})
			must(t, err)
			updated := catalog(t, s)
			same(t, groupOf(updated, group.ID), got)
			must(t, s.Groups.Delete(t.Context(), group.ID, outbox(domain.ActionGroupDelete, "ops")))
			deleted := catalog(t, s)
			if _, ok := deleted.Groups.Get(group.ID); ok {
				t.Error("a deleted group is still there")
			}
			if before.Version >= created.Version || created.Version >= updated.Version || updated.Version >= deleted.Version {
				t.Errorf("the versions are %d, %d, %d, %d", before.Version, created.Version, updated.Version, deleted.Version)
			}
			if n := len(entriesAbout(t, s, "ops")); n != 3 {
				t.Errorf("%d entries, want 3", n)
			}
		},
		"refuses what is absent or taken": func(t *testing.T, s Stores) {
			a, b := newGroup("a"), newGroup("b")
			must(t, s.Groups.Create(t.Context(), a, domain.Outbox{}))
			must(t, s.Groups.Create(t.Context(), b, domain.Outbox{}))
			err := s.Groups.Create(t.Context(), newGroup("a"), domain.Outbox{})
			_, err2 := s.Groups.Update(t.Context(), b.ID, func(g *domain.Group, _ *domain.Outbox) error {
				g.Name = "a"
				return nil
			})
			if !errors.Is(err, domain.ErrGroupExists) || !errors.Is(err2, domain.ErrGroupExists) {
				t.Errorf("got %v and %v, want ErrGroupExists", err, err2)
			}
			_, err = s.Groups.Update(t.Context(), "grp_none", func(*domain.Group, *domain.Outbox) error { return nil })
			err2 = s.Groups.Delete(t.Context(), "grp_none", domain.Outbox{})
			if !errors.Is(err, domain.ErrGroupNotFound) || !errors.Is(err2, domain.ErrGroupNotFound) {
				t.Errorf("got %v and %v, want ErrGroupNotFound", err, err2)
			}
			same(t, groupOf(catalog(t, s), b.ID), b)
		},
		"refuses a name that differs in case only":             groupKey,
		"gives one of racing groups a name of any case":        groupKeyRace,
		"keeps groups from before names had keys":              groupWithoutKey,
		"shows each of racing changes when it is acknowledged": groupChangesRace,
		"gives one of racing groups the name": func(t *testing.T, s Stores) {
			taken := func(err error) bool { return errors.Is(err, domain.ErrGroupExists) }
			if wins := race(t, 20, taken, func(int) error {
				return s.Groups.Create(t.Context(), newGroup("wanted"), outbox(domain.ActionGroupCreate, "wanted"))
			}); wins != 1 {
				t.Errorf("%d got the name", wins)
			}
			if n := len(entriesAbout(t, s, "wanted")); n != 1 || catalog(t, s).Groups.Len() != 1 {
				t.Errorf("%d entries and %d groups, want one of each", n, catalog(t, s).Groups.Len())
			}
		},
	})
}

// SettingsStore tests a ports.SettingsStore.
func SettingsStore(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"begins with the default settings": func(t *testing.T, s Stores) {
			same(t, catalog(t, s).Settings, domain.DefaultSettings())
		},
		"raises the version with each change": func(t *testing.T, s Stores) {
			before := catalog(t, s)
			got, err := s.Settings.UpdateSettings(t.Context(), func(x *domain.Settings, out *domain.Outbox) error {
				x.Password.MinLength, x.TwoFactor.RequiredForRoles, x.UpdatedAt = 15, []domain.RoleID{"user"}, epoch
				*out = outbox(domain.ActionSettingsChange, "settings")
				return nil
			})
			must(t, err)
			want := domain.DefaultSettings()
			want.Version, want.Password.MinLength, want.TwoFactor.RequiredForRoles, want.UpdatedAt = 2, 15,
				[]domain.RoleID{"user"}, epoch
			same(t, got, want)
			after := catalog(t, s)
			same(t, after.Settings, want)
			if after.Version <= before.Version || len(entriesAbout(t, s, "settings")) != 1 {
				t.Error("the change made no version of the catalog, or not one entry")
			}
		},
		"leaves nothing of a refused change": func(t *testing.T, s Stores) {
			for _, failure := range []error{errRefused, domain.ErrUnchanged} {
				got, err := s.Settings.UpdateSettings(t.Context(), func(x *domain.Settings, out *domain.Outbox) error {
					x.Password.MinLength, x.TwoFactor.Methods[0] = 99, "half"
					*out = outbox(domain.ActionSettingsChange, "settings")
					return failure
				})
				if errors.Is(failure, domain.ErrUnchanged) {
					must(t, err)
					same(t, got, domain.DefaultSettings())
				} else if !errors.Is(err, errRefused) {
					t.Errorf("got %v, want the error of the change", err)
				}
			}
			same(t, catalog(t, s).Settings, domain.DefaultSettings())
			if n := len(entriesAbout(t, s, "settings")); n != 0 {
				t.Errorf("%d entries were left", n)
			}
		},
		"makes 100 concurrent increments 100": func(t *testing.T, s Stores) {
			race(t, 100, never, func(int) error {
				_, err := s.Settings.UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
					x.Session.MaxSessions++
					return nil
				})
				return err
			})
			got := catalog(t, s).Settings
			if got.Session.MaxSessions != 105 || got.Version != 101 {
				t.Errorf("100 increments of 5 made %d, version %d", got.Session.MaxSessions, got.Version)
			}
		},
	})
}

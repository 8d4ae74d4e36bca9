package faultstore_test

import (
	"maps"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

var emptyTrust = audit.Trust{}

func useCases() map[string]useCase {
	all := map[string]useCase{}
	for _, some := range []map[string]useCase{
		userCases(), accessCases(), sessionCases(), passwordCases(), factorCases(),
		otherCases(), providerCases(),
	} {
		maps.Copy(all, some)
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// of returns a predicate over the user as the store has them.
func of(name string, is func(domain.User) bool) func(*testing.T, *world) int {
	return func(t *testing.T, w *world) int {
		t.Helper()
		user, ok := w.stored(t, name)
		return one(ok && is(user))
	}
}

func update(name string, patch account.Patch) func(*testing.T, *world) error {
	return func(t *testing.T, w *world) error {
		t.Helper()
		user, _ := w.stored(t, name)
		_, err := w.Account.Update(t.Context(), w.admin, user.ID, patch)
		return err
	}
}

func userCases() map[string]useCase {
	return map[string]useCase{
		"create a user": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Account.Create(t.Context(), w.admin, account.NewUser{
					Username: "new", Email: "new@example.com",
					Password: password,
				})
				return err
			},
			action: domain.ActionUserCreate, happened: of("new", func(domain.User) bool { return true }),
		},
		"create an administrator": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Account.Create(t.Context(), w.admin, account.NewUser{
					Username: "new", Email: "new@example.com", Password: password, Role: "admin",
				})
				return err
			},
			action: domain.ActionUserCreate, happened: of("new", func(domain.User) bool { return true }),
		},
		"invite a user": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Account.Create(t.Context(), w.admin, account.NewUser{Username: "new", Email: "new@example.com"})
				return err
			},
			action: domain.ActionUserCreate, happened: of("new", func(u domain.User) bool { return len(u.Tokens) == 1 }),
		},
		"change a name": {
			run:      update("john", account.Patch{Person: domain.PersonPatch{"full_name": "John Smith"}}),
			action:   domain.ActionUserUpdate,
			happened: of("john", func(u domain.User) bool { return u.FullName == "John Smith" }),
		},
		"change an e-mail": {
			run: update("john", account.Patch{Email: new("smith@example.com")}), action: domain.ActionUserUpdate,
			happened: of("john", func(u domain.User) bool { return u.EmailKey == "smith@example.com" }),
		},
		"promote to administrator": {
			run: update("john", account.Patch{Role: new("admin")}), action: domain.ActionPermissionChange,
			happened: of("john", func(u domain.User) bool { return u.Role == domain.RoleAdmin }),
		},
		"demote an administrator": {
			prepare: func(t *testing.T, w *world) { w.Register(t, "second", password, "admin") },
			run:     update("second", account.Patch{Role: new("user")}), action: domain.ActionPermissionChange,
			happened: of("second", func(u domain.User) bool { return u.Role == domain.RoleUser }),
		},
		"deactivate a user": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Account.Deactivate(t.Context(), w.admin, w.user.UserID)
				return err
			},
			action: domain.ActionUserDeactivate,
			happened: of("john", func(u domain.User) bool {
				return u.Status == domain.StatusDeactivated && len(u.Sessions) == 0 && u.KeyEpoch > 0
			}),
		},
		"purge a user": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Account.Purge(t.Context(), w.admin, w.user.UserID, nil)
				return err
			},
			action: domain.ActionUserPurge,
			happened: func(t *testing.T, w *world) int {
				_, there := w.stored(t, "john")
				return one(!there)
			},
		},
		"confirm an e-mail": {
			prepare: func(t *testing.T, w *world) {
				must(t, update("john", account.Patch{Email: new("smith@example.com")})(t, w))
				w.values["token"] = tokenIn(t, w)
			},
			run: func(t *testing.T, w *world) error {
				_, err := w.Account.ConfirmEmail(t.Context(), kit.From("203.0.113.9"), w.values["token"])
				return err
			},
			happened: of("john", func(u domain.User) bool { return u.EmailVerified }),
		},
		"set the service up": {
			prepare: func(t *testing.T, w *world) {
				for _, p := range []domain.Principal{w.user, w.admin} {
					must(t, w.Store.Users().Delete(t.Context(), p.UserID, domain.Outbox{}))
				}
				token, err := w.Account.NewSetupToken(t.Context())
				must(t, err)
				w.values["token"] = token
			},
			run: func(t *testing.T, w *world) error {
				_, err := w.Account.Setup(t.Context(), kit.From("203.0.113.9"), w.values["token"], account.NewUser{
					Username: "first", Email: "first@example.com", Password: password,
				})
				return err
			},
			action: domain.ActionUserCreate, happened: of("first",
				func(u domain.User) bool { return u.Role == domain.RoleAdmin }),
			wait: time.Minute, consumes: "SingleUseStore.Consume",
		},
	}
}

func accessCases() map[string]useCase {
	group := func(t *testing.T, w *world) {
		_, err := w.Access.CreateGroup(t.Context(), w.admin,
			access.GroupInput{Name: "support", Permissions: []string{"kb.edit"}})
		must(t, err)
	}
	role := func(t *testing.T, w *world) {
		_, err := w.Access.CreateRole(t.Context(), w.admin,
			access.RoleInput{ID: "clerk", Name: "Clerk", Permissions: []string{"kb.edit"}})
		must(t, err)
	}
	member := func(t *testing.T, w *world) {
		group(t, w)
		_, err := w.Access.AddMember(t.Context(), w.admin, "support", string(w.user.UserID))
		must(t, err)
	}
	hasGroup := func(is func(domain.Group) bool) func(*testing.T, *world) int {
		return func(t *testing.T, w *world) int {
			g, ok := w.catalog(t).GroupByName("support")
			return one(ok && is(g))
		}
	}
	hasRole := func(is func(domain.Role) bool) func(*testing.T, *world) int {
		return func(t *testing.T, w *world) int {
			r, ok := w.catalog(t).Roles.Get("clerk")
			return one(ok && is(r))
		}
	}
	return map[string]useCase{
		"create a group": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Access.CreateGroup(t.Context(), w.admin,
					access.GroupInput{Name: "support", Permissions: []string{"kb.edit"}})
				return err
			},
			action: domain.ActionGroupCreate, happened: hasGroup(func(domain.Group) bool { return true }),
		},
		"change a group": {
			prepare: group,
			run: func(t *testing.T, w *world) error {
				_, err := w.Access.UpdateGroup(t.Context(), w.admin, "support",
					access.GroupPatch{Description: new("those who help")})
				return err
			},
			action: domain.ActionGroupUpdate, happened: hasGroup(func(g domain.Group) bool { return g.Description != "" }),
		},
		"delete a group": {
			prepare: member,
			run: func(t *testing.T, w *world) error {
				_, err := w.Access.DeleteGroup(t.Context(), w.admin, "support")
				return err
			},
			action: domain.ActionGroupDelete,
			happened: func(t *testing.T, w *world) int {
				_, there := w.catalog(t).GroupByName("support")
				return one(!there)
			},
		},
		"add a member": {
			prepare: group,
			run: func(t *testing.T, w *world) error {
				_, err := w.Access.AddMember(t.Context(), w.admin, "support", string(w.user.UserID))
				return err
			},
			action: domain.ActionPermissionChange, happened: of("john", func(u domain.User) bool { return len(u.Groups) == 1 }),
		},
		"remove a member": {
			prepare: member,
			run: func(t *testing.T, w *world) error {
				_, err := w.Access.RemoveMember(t.Context(), w.admin, "support", string(w.user.UserID))
				return err
			},
			action: domain.ActionPermissionChange, happened: of("john", func(u domain.User) bool { return len(u.Groups) == 0 }),
		},
		"create a role": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Access.CreateRole(t.Context(), w.admin,
					access.RoleInput{ID: "clerk", Name: "Clerk", Permissions: []string{"kb.edit"}})
				return err
			},
			action: domain.ActionRoleCreate, happened: hasRole(func(domain.Role) bool { return true }),
		},
		"change a role": {
			prepare: role,
			run: func(t *testing.T, w *world) error {
				_, err := w.Access.UpdateRole(t.Context(), w.admin, "clerk", access.RolePatch{Permissions: &[]string{"kb.read"}})
				return err
			},
			action:   domain.ActionPermissionChange,
			happened: hasRole(func(r domain.Role) bool { return r.Permissions[0] == "kb.read" }),
		},
		"delete a role": {
			prepare: role,
			run:     func(t *testing.T, w *world) error { return w.Access.DeleteRole(t.Context(), w.admin, "clerk") },
			action:  domain.ActionRoleDelete,
			happened: func(t *testing.T, w *world) int {
				_, there := w.catalog(t).Roles.Get("clerk")
				return one(!there)
			},
		},
	}
}

func sessionCases() map[string]useCase {
	login := func(t *testing.T, w *world, in auth.LoginInput) error {
		in.Name = "john"
		signedIn, err := w.Auth.Login(t.Context(), kit.From("203.0.113.9"), in)
		w.values["access"], w.values["refresh"] = signedIn.Tokens.Access, signedIn.Tokens.Refresh
		return err
	}
	sessions := func(t *testing.T, w *world) int {
		user, _ := w.stored(t, "john")
		return len(user.Sessions)
	}
	signIn := func(t *testing.T, w *world) { must(t, login(t, w, auth.LoginInput{Password: password})) }
	failures := func(t *testing.T, w *world) int {
		a, err := w.Store.AttemptStore().Get(t.Context(), "user:"+string(w.user.UserID))
		must(t, err)
		n := 0
		for _, f := range a.Failures {
			n += one(!f.Pending)
		}
		return n
	}
	return map[string]useCase{
		"sign in": {
			run:    func(t *testing.T, w *world) error { return login(t, w, auth.LoginInput{Password: password}) },
			action: domain.ActionLogin, happened: sessions, again: true,
		},
		"sign in with a wrong password": {
			run: func(t *testing.T, w *world) error {
				return wanted(login(t, w, auth.LoginInput{Password: another}), "unauthorized")
			},
			action: domain.ActionLoginFailed, happened: failures, again: true,
		},
		"step up": {
			prepare: signIn,
			run: func(t *testing.T, w *world) error {
				_, err := w.Auth.StepUp(t.Context(), w.user, auth.StepUpInput{Password: password})
				return err
			},
			happened: func(t *testing.T, w *world) int {
				n := 0
				for _, e := range w.Entries(t) {
					n += one(e.Action == domain.ActionStepUp && e.Success)
				}
				return n
			},
			again: true,
		},
		"step up with a wrong password": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Auth.StepUp(t.Context(), w.user, auth.StepUpInput{Password: another})
				return wanted(err, "invalid_current_password")
			},
			action: domain.ActionStepUp, happened: failures, again: true,
		},
		"sign in with a code": {
			prepare: enrolled,
			run: func(t *testing.T, w *world) error {
				w.Clock.Forward(30 * time.Second) // the used time step is over
				return login(t, w, auth.LoginInput{Password: password, Code: codeOf(t, w)})
			},
			action: domain.ActionLogin, happened: sessions, again: true,
		},
		"refresh": {
			prepare: signIn,
			run: func(t *testing.T, w *world) error {
				next, err := w.Auth.Refresh(t.Context(), kit.From("203.0.113.9"), w.values["refresh"])
				if err == nil {
					_, err = w.Auth.Authenticate(t.Context(), next.Tokens.Access, kit.Origin)
				}
				return err
			},
			happened: func(t *testing.T, w *world) int {
				user, _ := w.stored(t, "john")
				session, err := w.Store.Sessions().Get(t.Context(), user.Sessions[len(user.Sessions)-1].ID)
				must(t, err)
				return int(session.Refresh.Counter)
			},
		},
		"log out": {
			prepare: signIn,
			run: func(t *testing.T, w *world) error {
				return w.Auth.Logout(t.Context(), kit.From("203.0.113.9"), w.values["refresh"], "")
			},
			action: domain.ActionLogout, happened: func(t *testing.T, w *world) int { return 2 - sessions(t, w) },
		},
		"revoke a session": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Auth.Revoke(t.Context(), w.admin, w.user.SessionID)
				return err
			},
			action: domain.ActionSessionRevoke, happened: func(t *testing.T, w *world) int { return 1 - sessions(t, w) },
		},
		"revoke all sessions": {
			prepare: signIn,
			run: func(t *testing.T, w *world) error {
				_, err := w.Auth.RevokeAll(t.Context(), w.admin, w.user.UserID, false)
				return err
			},
			happened: func(t *testing.T, w *world) int { return one(sessions(t, w) == 0) },
		},
	}
}

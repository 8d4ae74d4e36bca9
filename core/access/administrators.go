package access

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// errMustLeave stops an update that would remove a user's administration before the user has left the guard.
var errMustLeave = errors.New("the user must leave the administrator guard first")

// UpdateUser applies change to the user as UserStore.Update does, and keeps the administrator guard consistent: a user
// who ceases to be an administrator leaves the guard before the change, which the last one cannot
// (domain.ErrLastAdmin), and a user who becomes one joins it afterwards. Every change of a role, a membership or a
// status goes through UpdateUser.
func (s *Service) UpdateUser(ctx context.Context, id domain.UserID, change ports.Change[domain.User]) (domain.User,
	error,
) {
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return domain.User{}, err
	}
	g := guarded{catalog: catalog, change: change}
	user, err := s.deps.Users.Update(ctx, id, g.apply)
	if errors.Is(err, errMustLeave) {
		if err := s.deps.Guard.Leave(ctx, id); err != nil {
			return domain.User{}, err
		}
		g.left = true
		user, err = s.deps.Users.Update(ctx, id, g.apply)
	}
	if err != nil {
		if g.left {
			err = errors.Join(err, s.deps.Guard.Join(ctx, id))
		}
		return domain.User{}, err
	}
	if g.after && (!g.before || g.left) {
		return user, s.deps.Guard.Join(ctx, id)
	}
	return user, nil
}

// guarded is a change of a user that detects whether the user becomes or ceases to be an administrator.
type guarded struct {
	catalog       *domain.Catalog
	change        ports.Change[domain.User]
	left          bool // the user has left the guard
	before, after bool // whether the user was and is an administrator
}

func (g *guarded) apply(u *domain.User, out *domain.Outbox) error {
	g.before = isAdministrator(g.catalog, u)
	if err := g.change(u, out); err != nil {
		return err
	}
	g.after = isAdministrator(g.catalog, u)
	if g.before && !g.after && !g.left {
		return errMustLeave
	}
	return nil
}

// identifierTries is the maximum number of identifiers tried for a new user: identifiers of eight digits occasionally
// collide.
const identifierTries = 5

// CreateUser stores a new user, with another identifier if theirs is taken, and adds an administrator to the guard.
func (s *Service) CreateUser(ctx context.Context, user *domain.User, out domain.Outbox) error {
	if err := domain.CheckUsernameKey(user.UsernameKey); err != nil {
		return err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	for range identifierTries {
		if err = s.deps.Users.Create(ctx, *user, out); !isAbout(err, "identifier") {
			break
		}
		user.Identifier = NewIdentifier(s.deps.IDs)
	}
	if err != nil {
		return err
	}
	if isAdministrator(catalog, user) {
		return s.deps.Guard.Join(ctx, user.ID)
	}
	return nil
}

// isAbout reports whether an error names only the field.
func isAbout(err error, field string) bool {
	if !errors.Is(err, domain.ErrUserExists) {
		return false
	}
	details := fault.Of(err).Details()
	return len(details) == 1 && details[0].Field == field
}

// DeleteUser deletes the user, unless it is the last administrator.
func (s *Service) DeleteUser(ctx context.Context, id domain.UserID, out domain.Outbox) error {
	if err := s.deps.Guard.Leave(ctx, id); err != nil {
		return err
	}
	return s.deps.Users.Delete(ctx, id, out)
}

func isAdministrator(catalog *domain.Catalog, u *domain.User) bool {
	return u.Status == domain.StatusActive && catalog.Grants(u).IsAdministrator()
}

// leaveGuard removes the administrators from the guard who would no longer be administrators under the changed catalog.
// It returns them, so that they can join again if the change fails.
func (s *Service) leaveGuard(ctx context.Context, changed *domain.Catalog) ([]domain.UserID, error) {
	members, err := s.deps.Guard.Members(ctx)
	if err != nil {
		return nil, err
	}
	var losing []domain.UserID
	for _, id := range members {
		user, err := s.deps.Users.Get(ctx, id)
		if err != nil && !errors.Is(err, domain.ErrUserNotFound) {
			return nil, err
		}
		if err != nil || !isAdministrator(changed, &user) {
			losing = append(losing, id)
		}
	}
	if len(losing) == 0 {
		return nil, nil
	}
	return losing, s.deps.Guard.Leave(ctx, losing...)
}

// Reconcile makes the guard contain exactly the administrators. It runs at startup and after a role or group starts to
// make administrators; it also repairs the guard after a crash between a change and its record in the guard.
func (s *Service) Reconcile(ctx context.Context) error {
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	var queries []domain.UserQuery
	for role := range catalog.Roles.All() {
		if mayAdminister(role.Permissions) {
			queries = append(queries, domain.UserQuery{Role: role.ID})
		}
	}
	for group := range catalog.Groups.All() {
		if mayAdminister(group.Permissions) {
			queries = append(queries, domain.UserQuery{Group: group.ID})
		}
	}
	for _, query := range queries {
		if err := s.joinAll(ctx, catalog, query); err != nil {
			return err
		}
	}
	_, err = s.leaveGuard(ctx, catalog)
	if errors.Is(err, domain.ErrLastAdmin) {
		return nil // the guard keeps its members if no other administrator exists
	}
	return err
}

func (s *Service) joinAll(ctx context.Context, catalog *domain.Catalog, query domain.UserQuery) error {
	query.Sort, query.Status = domain.SortCreated, domain.StatusActive
	var ids []domain.UserID
	for user, err := range ports.AllUsers(ctx, s.deps.Users, query) {
		if err != nil {
			return err
		}
		if isAdministrator(catalog, user) {
			ids = append(ids, user.ID)
		}
	}
	for batch := range slices.Chunk(ids, domain.Limits.PageSize.Max) {
		if err := s.deps.Guard.Join(ctx, batch...); err != nil {
			return err
		}
	}
	return nil
}

// mayAdminister reports whether the permissions include one that makes an administrator.
func mayAdminister(permissions []domain.Permission) bool {
	return slices.ContainsFunc(permissions, func(p domain.Permission) bool {
		return p.Covers(domain.UsersManage) || p.Covers(domain.SystemConfigure)
	})
}

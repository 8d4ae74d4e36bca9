package access

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// errMustLeave stops an update that would cost somebody the administration before the guard has let them go.
var errMustLeave = errors.New("the guard of administrators must let go first")

// UpdateUser applies change to the user as UserStore.Update does, and keeps the guard of administrators true: who stops
// being an administrator leaves it before the change, which the last one cannot (domain.ErrLastAdmin), and who
// becomes one joins it after. Everything that can change a role, a membership or a status goes through here.
func (s *Service) UpdateUser(ctx context.Context, id domain.UserID, change ports.Change[domain.User]) (domain.User, error) {
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return domain.User{}, err
	}
	g := guarded{catalog: catalog, change: change}
	user, err := s.users.Update(ctx, id, g.apply)
	if errors.Is(err, errMustLeave) {
		if err := s.guard.Leave(ctx, id); err != nil {
			return domain.User{}, err
		}
		g.left = true
		user, err = s.users.Update(ctx, id, g.apply)
	}
	if err != nil {
		if g.left {
			err = errors.Join(err, s.guard.Join(ctx, id))
		}
		return domain.User{}, err
	}
	if g.after && (!g.before || g.left) {
		return user, s.guard.Join(ctx, id)
	}
	return user, nil
}

// guarded is a change of a user that knows whether it makes or unmakes an administrator.
type guarded struct {
	catalog       *domain.Catalog
	change        ports.Change[domain.User]
	left          bool // the guard has let the user go
	before, after bool // was an administrator, is one
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

// identifierTries is how many identifiers a new user is tried under: eight digits meet now and then.
const identifierTries = 5

// CreateUser stores a new user, under another identifier where theirs is taken, and, where they are an administrator, has
// them join the guard.
func (s *Service) CreateUser(ctx context.Context, user *domain.User, out domain.Outbox) error {
	if err := domain.CheckUsernameKey(user.UsernameKey); err != nil {
		return err
	}
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	for range identifierTries {
		if err = s.users.Create(ctx, *user, out); !isAbout(err, "identifier") {
			break
		}
		user.Identifier = NewIdentifier(s.ids)
	}
	if err != nil {
		return err
	}
	if isAdministrator(catalog, user) {
		return s.guard.Join(ctx, user.ID)
	}
	return nil
}

// isAbout reports whether an error names this field alone.
func isAbout(err error, field string) bool {
	if !errors.Is(err, domain.ErrUserExists) {
		return false
	}
	details := fault.Of(err).Details()
	return len(details) == 1 && details[0].Field == field
}

// DeleteUser removes the user, unless they are the last administrator.
func (s *Service) DeleteUser(ctx context.Context, id domain.UserID, out domain.Outbox) error {
	if err := s.guard.Leave(ctx, id); err != nil {
		return err
	}
	return s.users.Delete(ctx, id, out)
}

func isAdministrator(catalog *domain.Catalog, u *domain.User) bool {
	return u.Status == domain.StatusActive && catalog.Grants(u).IsAdministrator()
}

// letGo has those administrators leave the guard who would be none under the changed catalog. It returns them, so that
// they can join again when the change fails.
func (s *Service) letGo(ctx context.Context, changed *domain.Catalog) ([]domain.UserID, error) {
	members, err := s.guard.Members(ctx)
	if err != nil {
		return nil, err
	}
	var losing []domain.UserID
	for _, id := range members {
		user, err := s.users.Get(ctx, id)
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
	return losing, s.guard.Leave(ctx, losing...)
}

// Reconcile makes the guard hold every administrator that there is. It runs at the start and after a role or group began
// to make administrators; a crash between a change and its mark in the guard is mended here.
func (s *Service) Reconcile(ctx context.Context) error {
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	var queries []domain.UserQuery
	for _, role := range catalog.Roles {
		if mayAdminister(role.Permissions) {
			queries = append(queries, domain.UserQuery{Role: role.ID})
		}
	}
	for _, group := range catalog.Groups {
		if mayAdminister(group.Permissions) {
			queries = append(queries, domain.UserQuery{Group: group.ID})
		}
	}
	for _, query := range queries {
		if err := s.joinAll(ctx, catalog, query); err != nil {
			return err
		}
	}
	_, err = s.letGo(ctx, catalog)
	if errors.Is(err, domain.ErrLastAdmin) {
		return nil // nobody is left to take over; whoever is in stays in
	}
	return err
}

func (s *Service) joinAll(ctx context.Context, catalog *domain.Catalog, query domain.UserQuery) error {
	query.NoTotal, query.Sort, query.Status = true, domain.SortCreated, domain.StatusActive
	query.Page = domain.Page{Number: 1, Limit: domain.MaxPageLimit}
	for {
		page, err := s.users.List(ctx, query)
		if err != nil {
			return err
		}
		var ids []domain.UserID
		for i := range page.Users {
			if isAdministrator(catalog, &page.Users[i]) {
				ids = append(ids, page.Users[i].ID)
			}
		}
		if len(ids) > 0 {
			if err := s.guard.Join(ctx, ids...); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		query.Page.After = page.Next
	}
}

// mayAdminister reports whether the permissions are a part of what makes an administrator.
func mayAdminister(permissions []domain.Permission) bool {
	for _, p := range permissions {
		if p.Covers(domain.UsersManage) || p.Covers(domain.SystemConfigure) {
			return true
		}
	}
	return false
}

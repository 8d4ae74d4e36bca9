package access

import (
	"context"
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// maxBatch is how many permissions one batch check takes.
const maxBatch = 100

// Decision says whether a user has a permission, and by what.
type Decision struct {
	Permission domain.Permission
	Granted    bool
	Source     string // of the grant that counted; empty when there is none
}

// Explanation is a Decision with its reasons.
type Explanation struct {
	Decision
	Grants           domain.Grants // every grant that matched, as written where it stands
	WouldBeGrantedBy []string      // for a refusal: the roles and groups that would give it
}

// Check says whether the user has the permission. The principal asks about themselves or holds users.read; for others the
// user is not found. An unknown form of permission is fault.ErrInvalid.
func (s *Service) Check(ctx context.Context, by domain.Principal, id domain.UserID, permission string) (Decision, error) {
	wanted, err := domain.ParsePermission(permission)
	if err != nil {
		return Decision{}, err
	}
	grants, _, err := s.grantsOf(ctx, by, id)
	if err != nil {
		return Decision{}, err
	}
	return decide(grants, wanted), nil
}

// Explain is Check with the reasons: every grant that matched, or what would give the permission.
func (s *Service) Explain(ctx context.Context, by domain.Principal, id domain.UserID, permission string) (Explanation, error) {
	wanted, err := domain.ParsePermission(permission)
	if err != nil {
		return Explanation{}, err
	}
	grants, catalog, err := s.grantsOf(ctx, by, id)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Decision: decide(grants, wanted), Grants: grants.All(wanted)}
	if !e.Granted {
		e.WouldBeGrantedBy = givers(catalog, wanted)
	}
	return e, nil
}

// CheckAll is Check for up to 100 permissions, in their order, on one view of the state.
func (s *Service) CheckAll(ctx context.Context, by domain.Principal, id domain.UserID, permissions []string) ([]Decision, error) {
	if len(permissions) == 0 || len(permissions) > maxBatch {
		return nil, fault.ErrInvalid.About("permissions", "must hold 1 to 100 permissions")
	}
	wanted := make([]domain.Permission, len(permissions))
	for i, text := range permissions {
		p, err := domain.ParsePermission(text)
		if err != nil {
			return nil, fault.ErrInvalid.About("permissions", "must each be of the form resource.action in lower case")
		}
		wanted[i] = p
	}
	grants, _, err := s.grantsOf(ctx, by, id)
	if err != nil {
		return nil, err
	}
	decisions := make([]Decision, len(wanted))
	for i, p := range wanted {
		decisions[i] = decide(grants, p)
	}
	return decisions, nil
}

// Effective returns all that the user holds, with the sources.
func (s *Service) Effective(ctx context.Context, by domain.Principal, id domain.UserID) (domain.Grants, error) {
	grants, _, err := s.grantsOf(ctx, by, id)
	return grants, err
}

// grantsOf returns what the user holds. A principal asking about themselves is answered from what the request has resolved
// already: no second look at the store.
func (s *Service) grantsOf(ctx context.Context, by domain.Principal, id domain.UserID) (domain.Grants, *domain.Catalog, error) {
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return nil, nil, err
	}
	if by.IsSelf(id) && by.Kind == domain.PrincipalUser && by.RequireSignedIn() == nil {
		return by.Grants, catalog, nil
	}
	user, err := s.visible(ctx, by, id, domain.UsersRead)
	if err != nil {
		return nil, nil, err
	}
	return Held(catalog, &user), catalog, nil
}

// Held returns what the user holds at this moment: nothing once they are deactivated. Somebody who has not activated their
// account yet holds what their role and groups give, and cannot sign in to use it.
func Held(catalog *domain.Catalog, user *domain.User) domain.Grants {
	if user.Status == domain.StatusDeactivated {
		return nil
	}
	return catalog.Grants(user)
}

func decide(grants domain.Grants, wanted domain.Permission) Decision {
	grant, ok := grants.Find(wanted)
	return Decision{Permission: wanted, Granted: ok, Source: grant.Source}
}

// givers lists the roles, then the groups, that would give the permission.
func givers(catalog *domain.Catalog, wanted domain.Permission) []string {
	covers := func(p domain.Permission) bool { return p.Covers(wanted) }
	var roles, groups []string
	for role := range maps.Values(catalog.Roles) {
		if slices.ContainsFunc(role.Permissions, covers) {
			roles = append(roles, "role:"+string(role.ID))
		}
	}
	for group := range maps.Values(catalog.Groups) {
		if slices.ContainsFunc(group.Permissions, covers) {
			groups = append(groups, "group:"+group.Name)
		}
	}
	slices.Sort(roles)
	slices.Sort(groups)
	return append(roles, groups...)
}

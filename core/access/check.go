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
	Reason     Reason // why nothing is granted at all; empty where the grants decide
}

// Reason says why a user is granted nothing, whatever the role and groups give.
type Reason string

// The reasons are the states of a user who cannot sign in.
const (
	ReasonPending     = Reason(domain.StatusPending)
	ReasonDeactivated = Reason(domain.StatusDeactivated)
)

// Explanation is a Decision with its reasons.
type Explanation struct {
	Decision
	Grants           domain.Grants // every grant that matched, as written where it stands
	WouldBeGrantedBy []string      // for a refusal: what would give it, of the roles and groups that the principal may see
}

// Check says whether the user has the permission. The principal asks about themselves or holds users.read; for others the
// user is not found. An unknown form of permission is fault.ErrInvalid.
func (s *Service) Check(ctx context.Context, by domain.Principal, id domain.UserID, permission string) (Decision, error) {
	wanted, err := domain.ParsePermission(permission)
	if err != nil {
		return Decision{}, err
	}
	h, _, err := s.holdings(ctx, by, id)
	if err != nil {
		return Decision{}, err
	}
	return h.decide(wanted), nil
}

// Explain is Check with the reasons: every grant that matched, or what would give the permission.
func (s *Service) Explain(ctx context.Context, by domain.Principal, id domain.UserID, permission string) (Explanation, error) {
	wanted, err := domain.ParsePermission(permission)
	if err != nil {
		return Explanation{}, err
	}
	h, catalog, err := s.holdings(ctx, by, id)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Decision: h.decide(wanted), Grants: h.Grants.All(wanted), WouldBeGrantedBy: []string{}}
	if !e.Granted && e.Reason == "" {
		e.WouldBeGrantedBy = givers(catalog, wanted, mayRead(by) == nil)
	}
	return e, nil
}

// CheckAll is Check for up to 100 permissions, in their order, on one view of the state. An API key that asks about its
// owner is answered for itself: what the key may do, which can be less.
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
	h, err := s.ownOrHeld(ctx, by, id)
	if err != nil {
		return nil, err
	}
	decisions := make([]Decision, len(wanted))
	for i, p := range wanted {
		decisions[i] = h.decide(p)
	}
	return decisions, nil
}

// Holdings are all that a user holds, with the sources, and why that is nothing for a user who cannot sign in.
type Holdings struct {
	Grants domain.Grants
	Reason Reason
}

// Effective returns all that the user holds.
func (s *Service) Effective(ctx context.Context, by domain.Principal, id domain.UserID) (Holdings, error) {
	h, _, err := s.holdings(ctx, by, id)
	return h, err
}

// ownOrHeld returns what the credential itself may do where it belongs to the user, else what the user holds.
func (s *Service) ownOrHeld(ctx context.Context, by domain.Principal, id domain.UserID) (Holdings, error) {
	if by.BelongsTo(id) && by.RequireSignedIn() == nil {
		return Holdings{Grants: by.Grants}, nil
	}
	h, _, err := s.holdings(ctx, by, id)
	return h, err
}

// holdings returns what the user holds. A principal asking about themselves is answered from what the request has
// resolved already: no second look at the store.
func (s *Service) holdings(
	ctx context.Context, by domain.Principal, id domain.UserID,
) (Holdings, *domain.Catalog, error) {
	catalog, err := s.catalog.Catalog(ctx)
	if err != nil {
		return Holdings{}, nil, err
	}
	if by.IsSelf(id) && by.RequireSignedIn() == nil {
		return Holdings{Grants: by.Grants}, catalog, nil
	}
	user, err := s.visible(ctx, by, id, domain.UsersRead)
	if err != nil {
		return Holdings{}, nil, err
	}
	h := Holdings{Grants: Held(catalog, &user)}
	if user.Status != domain.StatusActive {
		h.Reason = Reason(user.Status)
	}
	return h, catalog, nil
}

// Held returns what the user holds at this moment: nothing before the activation of the account and after its
// deactivation.
func Held(catalog *domain.Catalog, user *domain.User) domain.Grants {
	if user.Status != domain.StatusActive {
		return nil
	}
	return catalog.Grants(user)
}

func (h Holdings) decide(wanted domain.Permission) Decision {
	grant, ok := h.Grants.Find(wanted)
	return Decision{Permission: wanted, Granted: ok, Source: grant.Source, Reason: h.Reason}
}

// givers lists the roles, then the groups where withGroups is set, that would give the permission. Every signed-in
// principal may read all roles.
func givers(catalog *domain.Catalog, wanted domain.Permission, withGroups bool) []string {
	covers := func(p domain.Permission) bool { return p.Covers(wanted) }
	roles, groups := []string{}, []string{}
	for role := range maps.Values(catalog.Roles) {
		if slices.ContainsFunc(role.Permissions, covers) {
			roles = append(roles, "role:"+string(role.ID))
		}
	}
	for group := range maps.Values(catalog.Groups) {
		if withGroups && slices.ContainsFunc(group.Permissions, covers) {
			groups = append(groups, "group:"+group.Name)
		}
	}
	slices.Sort(roles)
	slices.Sort(groups)
	return append(roles, groups...)
}

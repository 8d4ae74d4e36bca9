package access

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Decision reports whether a user has a permission, and its source.
type Decision struct {
	Permission domain.Permission
	Granted    bool
	Source     string // source of the matching grant; empty if there is none
	// Reason is the status of a user who is granted nothing, regardless of role and groups; else empty.
	Reason domain.UserStatus
}

// Explanation is a Decision with the grants behind it.
type Explanation struct {
	Decision
	Grants           domain.Grants // every grant that matched, as it is stored
	WouldBeGrantedBy []string      // for a refusal: the roles and groups visible to the principal that would grant it
}

// Check reports whether the user has the permission. The principal must be the user or have users.read; for all others
// the user does not exist. An invalid permission is fault.ErrInvalid.
func (s *Service) Check(ctx context.Context, by domain.Principal, id domain.UserID, permission string) (Decision,
	error,
) {
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

// Explain is Check with the reasons: every grant that matched, or what would grant the permission.
func (s *Service) Explain(ctx context.Context, by domain.Principal, id domain.UserID, permission string) (Explanation,
	error,
) {
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

// CheckAll is Check for several permissions, in order, on one view of the state. For an API key that checks its
// owner, it returns what the key itself may do, which can be less.
func (s *Service) CheckAll(ctx context.Context, by domain.Principal, id domain.UserID,
	permissions []string,
) ([]Decision, error) {
	if !domain.Limits.CheckedPermissions.Allows(len(permissions)) {
		return nil,
			fault.ErrInvalid.About("permissions", "must hold "+domain.Limits.CheckedPermissions.String()+" permissions")
	}
	if id != by.UserID {
		if _, err := domain.ParseUserID(string(id)); err != nil {
			return nil, domain.ErrUserNotFound
		}
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

// Holdings are all permissions of a user with their sources, and the reason if a user who cannot log in has none.
type Holdings struct {
	Grants domain.Grants
	Reason domain.UserStatus
}

// Effective returns all permissions of the user.
func (s *Service) Effective(ctx context.Context, by domain.Principal, id domain.UserID) (Holdings, error) {
	h, _, err := s.holdings(ctx, by, id)
	return h, err
}

// ownOrHeld returns the grants of the credential itself if it belongs to the user, and otherwise the grants of the
// user.
func (s *Service) ownOrHeld(ctx context.Context, by domain.Principal, id domain.UserID) (Holdings, error) {
	if by.BelongsTo(id) && by.RequireSignedIn() == nil {
		return Holdings{Grants: by.Grants}, nil
	}
	h, _, err := s.holdings(ctx, by, id)
	return h, err
}

// holdings returns the permissions of the user. For the principal's own user it returns what the request has already
// resolved, without another read of the store.
func (s *Service) holdings(
	ctx context.Context, by domain.Principal, id domain.UserID,
) (Holdings, *domain.Catalog, error) {
	catalog, err := s.deps.Catalog.Catalog(ctx)
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
		h.Reason = user.Status
	}
	return h, catalog, nil
}

// Held returns the current permissions of the user: none before the activation of the account and after its
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

// givers returns the roles, and with withGroups the groups, that would grant the permission. Every authenticated
// principal may read all roles.
func givers(catalog *domain.Catalog, wanted domain.Permission, withGroups bool) []string {
	covers := func(p domain.Permission) bool { return p.Covers(wanted) }
	roles, groups := []string{}, []string{}
	for role := range catalog.Roles.All() {
		if slices.ContainsFunc(role.Permissions, covers) {
			roles = append(roles, "role:"+string(role.ID))
		}
	}
	for group := range catalog.Groups.All() {
		if withGroups && slices.ContainsFunc(group.Permissions, covers) {
			groups = append(groups, "group:"+group.Name)
		}
	}
	slices.Sort(roles)
	slices.Sort(groups)
	return append(roles, groups...)
}

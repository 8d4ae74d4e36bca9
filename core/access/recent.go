package access

import (
	"slices"

	"github.com/ostiary/ostiary/core/domain"
)

// checkRecent returns domain.ErrReauthentication if the settings require a recent proof of identity and by has none.
func (s *Service) checkRecent(catalog *domain.Catalog, by domain.Principal) error {
	return by.RequireRecent(catalog.Settings.Session, s.deps.Clock.Now())
}

// MayAssign is CheckAssign with the recent proof of identity that a gain of administrative permissions requires.
func (s *Service) MayAssign(catalog *domain.Catalog, by domain.Principal, target *domain.User, role domain.RoleID,
	groups []domain.GroupID,
) error {
	if err := CheckAssign(catalog, by, target, role, groups); err != nil || !GainsRights(catalog, target, role, groups) {
		return err
	}
	return s.checkRecent(catalog, by)
}

// CheckNewRole returns domain.ErrReauthentication if a new role grants administrative permissions and by has no recent
// proof of identity, although the settings require one.
func (s *Service) CheckNewRole(catalog *domain.Catalog, by domain.Principal, role domain.Role) error {
	if !raises(domain.Role{Level: domain.DefaultRoleLevel}, role) {
		return nil
	}
	return s.checkRecent(catalog, by)
}

// GainsRights reports whether the role and groups would grant the target administrative permissions that the target
// lacks: one of the service's own permissions, or a role of an administrator's level.
func GainsRights(catalog *domain.Catalog, target *domain.User, role domain.RoleID, groups []domain.GroupID) bool {
	held := catalog.Grants(target)
	after := *target
	after.Role, after.Groups = role, groups
	if _, gains := held.FirstNotHeld(catalog.Grants(&after).Permissions()); gains {
		return true
	}
	return role != target.Role && isAdministratorLevel(catalog, role) && !isAdministratorLevel(catalog, target.Role)
}

// HoldsRights reports whether the user's role or groups grant administrative permissions, regardless of the user's
// status.
func HoldsRights(catalog *domain.Catalog, user *domain.User) bool {
	return GainsRights(catalog, &domain.User{}, user.Role, user.Groups)
}

func isAdministratorLevel(catalog *domain.Catalog, id domain.RoleID) bool {
	role, ok := catalog.Roles.Get(id)
	return ok && role.Level <= administratorLevel
}

// addsRights reports whether after contains an administrative permission that before lacks.
func addsRights(before, after []domain.Permission) bool {
	return slices.ContainsFunc(after, func(p domain.Permission) bool {
		return p.IsAdministrative() &&
			!slices.Contains(before, p)
	})
}

// raises reports whether a change of a role grants its holders administrative permissions.
func raises(before, after domain.Role) bool {
	return addsRights(before.Permissions, after.Permissions) || after.Level <= administratorLevel &&
		before.Level > administratorLevel
}

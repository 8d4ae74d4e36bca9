package access

import (
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// administratorLevel is the level up to which the Users API grants a role administrator permissions.
const administratorLevel = 1

// CheckActOn returns fault.ErrForbidden if the target holds an administrative permission that by lacks: no principal
// changes, resets, deactivates or creates keys for a user with more permissions than itself. Acting on one's own user
// in a session is always allowed here; an API key acts on its owner as on any other user.
func CheckActOn(catalog *domain.Catalog, by domain.Principal, target *domain.User) error {
	if by.IsSelf(target.ID) {
		return nil
	}
	if missing, ok := by.Grants.FirstNotHeld(catalog.Grants(target).Permissions()); ok {
		return fault.ErrForbidden.Because(escalation{"acting on a holder of", missing})
	}
	return nil
}

// CheckAssign returns fault.ErrForbidden if by may not assign the target this role and these groups. Only what the
// target does not have yet counts. Administrative permissions must be by's to grant, and no principal grants itself,
// and no API key its owner, anything that the principal lacks.
func CheckAssign(catalog *domain.Catalog, by domain.Principal, target *domain.User, role domain.RoleID,
	groups []domain.GroupID,
) error {
	var given []domain.Permission
	if role != target.Role {
		r := catalog.Role(role)
		if r.Level <= administratorLevel && !by.Grants.IsAdministrator() {
			return fault.ErrForbidden
		}
		given = append(given, r.Permissions...)
	}
	for _, id := range groups {
		if !slices.Contains(target.Groups, id) {
			group, _ := catalog.Groups.Get(id)
			given = append(given, group.Permissions...)
		}
	}
	if missing, ok := by.Grants.FirstNotGrantable(given); ok {
		return fault.ErrForbidden.Because(escalation{"giving", missing})
	}
	if !by.BelongsTo(target.ID) {
		return nil
	}
	return checkWrite(by, given)
}

// checkWrite returns fault.ErrForbidden unless by may grant every one of the permissions to a role, a group or itself.
func checkWrite(by domain.Principal, permissions []domain.Permission) error {
	for _, p := range permissions {
		if !by.Grants.MayGrant(p) {
			return fault.ErrForbidden.Because(escalation{"giving", p})
		}
	}
	return nil
}

// escalation is the private reason of a refusal, for the log.
type escalation struct {
	what       string
	permission domain.Permission
}

func (e escalation) Error() string { return e.what + " " + string(e.permission) }

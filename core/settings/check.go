package settings

import (
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// check returns fault.ErrInvalid with every number that is out of range, and the range.
func (s *Service) check(catalog *domain.Catalog, settings *domain.Settings) error {
	refused := fault.ErrInvalid
	for _, setting := range domain.SecuritySettings {
		limit, ok := setting.Range(settings)
		if n, isNumber := setting.Value(settings).(int); ok && isNumber && !limit.Allows(n) {
			refused = refused.About(setting.Name, fmt.Sprintf("must be %d to %d", limit.Min, limit.Max))
		}
	}
	refused = checkTwoFactor(refused, catalog, &settings.TwoFactor)
	if len(refused.Details()) > 0 {
		return refused
	}
	return s.checkLockout(settings)
}

func checkTwoFactor(refused *fault.Error, catalog *domain.Catalog, policy *domain.TwoFactorPolicy) *fault.Error {
	if len(policy.Methods) == 0 || hasDoubles(policy.Methods) || !known(policy.Methods) {
		refused = refused.About("two_factor.methods", "must be a list of totp and sms without doubles, and not empty")
	}
	if !domain.Limits.RequiredRoles.Allows(len(policy.RequiredForRoles)) || hasDoubles(policy.RequiredForRoles) {
		refused = refused.About("two_factor.required_for_roles",
			"must be "+domain.Limits.RequiredRoles.String()+" roles without doubles")
	}
	for _, role := range policy.RequiredForRoles {
		if _, ok := catalog.Roles.Get(role); !ok {
			return refused.About("two_factor.required_for_roles", "must hold only roles that exist")
		}
	}
	return refused
}

func known(methods []domain.Method) bool {
	return !slices.ContainsFunc(methods, func(m domain.Method) bool {
		return m != domain.MethodTOTP &&
			m != domain.MethodSMS
	})
}

func hasDoubles[T comparable](list []T) bool {
	for i, item := range list {
		if slices.Contains(list[:i], item) {
			return true
		}
	}
	return false
}

// checkLockout refuses a second-factor requirement that no user could meet: all affected users, possibly including the
// principal, would be locked out and no one could revert it.
func (s *Service) checkLockout(settings *domain.Settings) error {
	policy := settings.TwoFactor
	possible := slices.Contains(policy.Methods, domain.MethodTOTP) || s.deps.SMS
	if policy.Enabled && len(policy.RequiredForRoles) > 0 && !possible {
		return ErrLocksOut.About("two_factor.methods",
			"must hold a method that can be enrolled: totp, or sms with a gateway configured")
	}
	return nil
}

// ErrLocksOut refuses settings under which users could never log in again.
var ErrLocksOut = fault.New(fault.Conflict, "would_lock_out", "These settings would lock people out")

// errUnknownProfile is returned for a profile that does not exist.
var errUnknownProfile = fault.ErrInvalid.About("profile", "must be nist")

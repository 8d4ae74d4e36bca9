package settings

import (
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// bound is a numeric setting with its allowed range.
type bound struct {
	field    string
	value    int
	min, max int
}

func bounds(s *domain.Settings) []bound {
	return []bound{
		{"password_policy.min_length", s.Password.MinLength, domain.Limits.Password.Min, domain.Limits.Password.Max},
		{"password_policy.expiry_days", s.Password.ExpiryDays, 0, 3650},
		{"password_policy.history_count", s.Password.HistoryCount, 0, 24},
		{"session_policy.timeout_minutes", s.Session.TimeoutMinutes, 1, 43200},
		{"session_policy.max_sessions", s.Session.MaxSessions, 1, 100},
		{"session_policy.remember_me_days", s.Session.RememberMeDays, 1, 365},
		{"session_policy.reauthenticate_minutes", s.Session.ReauthenticateMinutes, 0, 1440},
		{"lockout_policy.max_attempts", s.Lockout.MaxAttempts, 1, 100},
		{"lockout_policy.lockout_duration_minutes", s.Lockout.LockoutDurationMinutes, 1, 1440},
		{"lockout_policy.reset_window_minutes", s.Lockout.ResetWindowMinutes, 1, 1440},
		{"lockout_policy.account_max_attempts", s.Lockout.AccountMaxAttempts, s.Lockout.MaxAttempts, 1000},
	}
}

// check returns fault.ErrInvalid with every field that is out of range, and the range.
func (s *Service) check(catalog *domain.Catalog, settings *domain.Settings) error {
	refused := fault.ErrInvalid
	for _, b := range bounds(settings) {
		if b.value < b.min || b.value > b.max {
			refused = refused.About(b.field, fmt.Sprintf("must be %d to %d", b.min, b.max))
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
		refused = refused.About("two_factor.required_for_roles", "must be "+domain.Limits.RequiredRoles.String()+" roles without doubles")
	}
	for _, role := range policy.RequiredForRoles {
		if _, ok := catalog.Roles[role]; !ok {
			return refused.About("two_factor.required_for_roles", "must hold only roles that exist")
		}
	}
	return refused
}

func known(methods []domain.Method) bool {
	return !slices.ContainsFunc(methods, func(m domain.Method) bool { return m != domain.MethodTOTP && m != domain.MethodSMS })
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
	possible := slices.Contains(policy.Methods, domain.MethodTOTP) || s.sms
	if policy.Enabled && len(policy.RequiredForRoles) > 0 && !possible {
		return ErrLocksOut.About("two_factor.methods", "must hold a method that can be enrolled: totp, or sms with a gateway configured")
	}
	return nil
}

// ErrLocksOut refuses settings under which users could never log in again.
var ErrLocksOut = fault.New(fault.Conflict, "would_lock_out", "These settings would lock people out")

// errUnknownProfile is returned for a profile that does not exist.
var errUnknownProfile = fault.ErrInvalid.About("profile", "must be nist")

package settings

import (
	"reflect"

	"github.com/ostiary/ostiary/core/domain"
)

// named is a field with its name in the API.
type named struct {
	field string
	value any
}

func fields(s *domain.Settings) []named {
	return []named{
		{"password_policy.min_length", s.Password.MinLength},
		{"password_policy.require_uppercase", s.Password.RequireUppercase},
		{"password_policy.require_lowercase", s.Password.RequireLowercase},
		{"password_policy.require_numbers", s.Password.RequireNumbers},
		{"password_policy.require_special", s.Password.RequireSpecial},
		{"password_policy.expiry_days", s.Password.ExpiryDays},
		{"password_policy.history_count", s.Password.HistoryCount},
		{"session_policy.timeout_minutes", s.Session.TimeoutMinutes},
		{"session_policy.max_sessions", s.Session.MaxSessions},
		{"session_policy.remember_me_days", s.Session.RememberMeDays},
		{"session_policy.reauthenticate_minutes", s.Session.ReauthenticateMinutes},
		{"two_factor.enabled", s.TwoFactor.Enabled},
		{"two_factor.required_for_roles", texts(s.TwoFactor.RequiredForRoles)},
		{"two_factor.methods", texts(s.TwoFactor.Methods)},
		{"lockout_policy.max_attempts", s.Lockout.MaxAttempts},
		{"lockout_policy.lockout_duration_minutes", s.Lockout.LockoutDurationMinutes},
		{"lockout_policy.reset_window_minutes", s.Lockout.ResetWindowMinutes},
		{"lockout_policy.account_max_attempts", s.Lockout.AccountMaxAttempts},
	}
}

func texts[T ~string](list []T) []string {
	result := make([]string, len(list))
	for i, item := range list {
		result[i] = string(item)
	}
	return result
}

// differences returns the fields that differ, each with its old and new value.
func differences(before, after *domain.Settings) map[string]any {
	changes := map[string]any{}
	now := fields(after)
	for i, old := range fields(before) {
		if !reflect.DeepEqual(old.value, now[i].value) {
			changes[old.field] = map[string]any{"old": old.value, "new": now[i].value}
		}
	}
	return changes
}

// Advisories returns one sentence for each setting that deviates from NIST SP 800-63B-4 and OWASP ASVS 5.0, including
// what to do. It is for the log at startup and for readers of the settings.
func Advisories(s *domain.Settings) []string {
	var list []string
	advise := func(when bool, sentence string) {
		if when {
			list = append(list, sentence)
		}
	}
	classes := s.Password.RequireUppercase || s.Password.RequireLowercase || s.Password.RequireNumbers || s.Password.RequireSpecial
	advise(s.Password.ExpiryDays > 0, "password_policy.expiry_days makes people change good passwords for worse ones; 0 switches it off (NIST SP 800-63B-4, ASVS 6.2.10)")
	advise(classes, "password_policy.require_* makes passwords harder to remember, not to guess; false switches them off (NIST SP 800-63B-4, ASVS 6.2.5)")
	advise(s.Password.MinLength < 15 && !s.TwoFactor.Enabled, "password_policy.min_length below 15 is for accounts with a second factor (NIST SP 800-63B-4)")
	advise(!s.TwoFactor.Enabled, "two_factor.enabled is off: nobody has to have a second factor, administrators included")
	return list
}

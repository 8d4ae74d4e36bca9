package settings

import (
	"reflect"

	"github.com/ostiary/ostiary/core/domain"
)

// differences returns the settings that differ, each with its old and new value.
func differences(before, after *domain.Settings) map[string]any {
	changes := map[string]any{}
	for _, setting := range domain.SecuritySettings {
		was, is := setting.Value(before), setting.Value(after)
		if !reflect.DeepEqual(was, is) {
			changes[setting.Name] = map[string]any{"old": was, "new": is}
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
	classes := s.Password.RequireUppercase || s.Password.RequireLowercase || s.Password.RequireNumbers ||
		s.Password.RequireSpecial
	advise(s.Password.ExpiryDays > 0,
		"password_policy.expiry_days makes people change good passwords for worse ones; 0 switches it off (NIST SP "+
			"800-63B-4, ASVS 6.2.10)")
	advise(classes,
		"password_policy.require_* makes passwords harder to remember, not to guess; false switches them off (NIST SP "+
			"800-63B-4, ASVS 6.2.5)")
	advise(s.Password.MinLength < 15 && !s.TwoFactor.Enabled,
		"password_policy.min_length below 15 is for accounts with a second factor (NIST SP 800-63B-4)")
	advise(!s.TwoFactor.Enabled, "two_factor.enabled is off: nobody has to have a second factor, administrators included")
	return list
}

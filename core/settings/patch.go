package settings

import (
	"slices"

	"github.com/ostiary/ostiary/core/domain"
)

// Patch contains the changes; nil fields stay unchanged.
type Patch struct {
	// Profile applies a whole profile first: ProfileNIST.
	Profile   *string
	Password  PasswordPatch
	Session   SessionPatch
	TwoFactor TwoFactorPatch
	Lockout   LockoutPatch
}

// PasswordPatch changes the password policy.
type PasswordPatch struct {
	MinLength        *int
	RequireUppercase *bool
	RequireLowercase *bool
	RequireNumbers   *bool
	RequireSpecial   *bool
	ExpiryDays       *int
	HistoryCount     *int
}

// SessionPatch changes the session policy.
type SessionPatch struct {
	TimeoutMinutes *int
	MaxSessions    *int
	RememberMeDays *int

	ReauthenticateMinutes *int
}

// TwoFactorPatch changes the second-factor policy. The lists replace the current ones.
type TwoFactorPatch struct {
	Enabled          *bool
	RequiredForRoles *[]domain.RoleID
	Methods          *[]domain.Method
}

// LockoutPatch changes the lockout policy.
type LockoutPatch struct {
	MaxAttempts            *int
	LockoutDurationMinutes *int
	ResetWindowMinutes     *int
	AccountMaxAttempts     *int
}

// ProfileNIST is the profile according to NIST SP 800-63B-4: long passwords without expiry or composition rules.
const ProfileNIST = "nist"

// NIST returns the patch of the profile.
func NIST() Patch {
	off, length, expiry := false, 15, 0
	return Patch{Password: PasswordPatch{
		MinLength: &length, RequireUppercase: &off, RequireLowercase: &off, RequireNumbers: &off, RequireSpecial: &off,
		ExpiryDays: &expiry,
	}}
}

// apply applies the patch to the settings. The profile comes first, so that single fields can differ from it.
func (p *Patch) apply(s *domain.Settings) {
	if p.Profile != nil && *p.Profile == ProfileNIST {
		profile := NIST()
		profile.apply(s)
	}
	p.Password.apply(&s.Password)
	set(&s.Session.TimeoutMinutes, p.Session.TimeoutMinutes)
	set(&s.Session.MaxSessions, p.Session.MaxSessions)
	set(&s.Session.RememberMeDays, p.Session.RememberMeDays)
	set(&s.Session.ReauthenticateMinutes, p.Session.ReauthenticateMinutes)
	set(&s.TwoFactor.Enabled, p.TwoFactor.Enabled)
	if p.TwoFactor.RequiredForRoles != nil {
		s.TwoFactor.RequiredForRoles = slices.Clone(*p.TwoFactor.RequiredForRoles)
	}
	if p.TwoFactor.Methods != nil {
		s.TwoFactor.Methods = slices.Clone(*p.TwoFactor.Methods)
	}
	set(&s.Lockout.MaxAttempts, p.Lockout.MaxAttempts)
	set(&s.Lockout.LockoutDurationMinutes, p.Lockout.LockoutDurationMinutes)
	set(&s.Lockout.ResetWindowMinutes, p.Lockout.ResetWindowMinutes)
	set(&s.Lockout.AccountMaxAttempts, p.Lockout.AccountMaxAttempts)
}

func (p *PasswordPatch) apply(s *domain.PasswordPolicy) {
	set(&s.MinLength, p.MinLength)
	set(&s.RequireUppercase, p.RequireUppercase)
	set(&s.RequireLowercase, p.RequireLowercase)
	set(&s.RequireNumbers, p.RequireNumbers)
	set(&s.RequireSpecial, p.RequireSpecial)
	set(&s.ExpiryDays, p.ExpiryDays)
	set(&s.HistoryCount, p.HistoryCount)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

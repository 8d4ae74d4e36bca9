package domain

import (
	"slices"
	"time"
)

// Settings are the security settings that an administrator changes at runtime.
type Settings struct {
	Version   int64 // incremented with each change; the ETag
	Password  PasswordPolicy
	Session   SessionPolicy
	TwoFactor TwoFactorPolicy
	Lockout   LockoutPolicy
	UpdatedAt time.Time
	// Grace is stored with the policy that it belongs to, so that one write changes the policy and exempts the session.
	Grace EnrollmentGrace
}

// EnrollmentGraceFor is how long a session keeps its permissions after it has made a second factor mandatory for its
// own user.
const EnrollmentGraceFor = 30 * time.Minute

// EnrollmentGrace exempts one session from the mandatory second factor for a limited time: the session that made it
// mandatory, so that its user can enroll or revert the change.
type EnrollmentGrace struct {
	Session SessionID
	Until   time.Time
}

// Covers reports whether the session is exempt at now.
func (g EnrollmentGrace) Covers(session SessionID, now time.Time) bool {
	return g.Session != "" && g.Session == session && now.Before(g.Until)
}

// PasswordPolicy applies to new passwords of the built-in directory. Lengths count characters.
type PasswordPolicy struct {
	MinLength        int
	RequireUppercase bool
	RequireLowercase bool
	RequireNumbers   bool
	RequireSpecial   bool
	ExpiryDays       int // 0 disables expiry
	HistoryCount     int // 0 disables the history
}

// SessionPolicy applies to all sessions, including those that are live when it changes.
type SessionPolicy struct {
	TimeoutMinutes int
	MaxSessions    int
	RememberMeDays int
	// ReauthenticateMinutes is how recent a login or step-up must be for sensitive operations; 0 requires none.
	ReauthenticateMinutes int
}

// TwoFactorPolicy defines who must have a second factor. While Enabled is false, no user must enroll; enrolled users
// must still use their factor.
type TwoFactorPolicy struct {
	Enabled          bool
	RequiredForRoles []RoleID
	Methods          []Method
}

// LockoutPolicy limits failed attempts.
type LockoutPolicy struct {
	MaxAttempts            int // from one source
	LockoutDurationMinutes int
	ResetWindowMinutes     int
	AccountMaxAttempts     int // from all sources within 24 hours
}

// IdleTimeout returns how long a session may be inactive.
func (p SessionPolicy) IdleTimeout() time.Duration {
	return time.Duration(p.TimeoutMinutes) * time.Minute
}

// ReauthenticateWithin returns how recent a proof of identity must be for sensitive operations, if one is required.
func (p SessionPolicy) ReauthenticateWithin() time.Duration {
	return time.Duration(p.ReauthenticateMinutes) * time.Minute
}

// RememberFor returns how long a remembered session may be inactive, which is also the maximum lifetime of any session.
func (p SessionPolicy) RememberFor() time.Duration {
	return time.Duration(p.RememberMeDays) * 24 * time.Hour
}

// Requires reports whether users with the role must have a second factor.
func (p TwoFactorPolicy) Requires(role RoleID) bool {
	return p.Enabled && slices.Contains(p.RequiredForRoles, role)
}

// Expired reports whether a password that was set at changed must be replaced.
func (p PasswordPolicy) Expired(changed, now time.Time) bool {
	return p.ExpiryDays > 0 && !now.Before(changed.Add(time.Duration(p.ExpiryDays)*24*time.Hour))
}

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

// Catalog is one consistent view of roles, groups and settings. It is shared and must not be modified.
type Catalog struct {
	Version  int64
	Roles    map[RoleID]Role
	Groups   map[GroupID]Group
	Settings Settings
}

// GroupByName returns the group with the exact name.
func (c *Catalog) GroupByName(name string) (Group, bool) {
	for _, g := range c.Groups {
		if g.Name == name {
			return g, true
		}
	}
	return Group{}, false
}

// FindGroup returns the group with the name: the one with exactly this name, or else the only one with the name without
// regard to case. fold is the case folding of names.
func (c *Catalog) FindGroup(name string, fold func(string) string) (Group, bool) {
	if g, ok := c.GroupByName(name); ok {
		return g, true
	}
	wanted := Group{Name: name}
	wanted.SetNameKey(fold)
	var found Group
	matches := 0
	for _, g := range c.Groups {
		if g.Key() == wanted.Key() {
			found = g
			matches++
		}
	}
	if matches != 1 { // earlier versions allowed several groups with the name
		return Group{}, false
	}
	return found, true
}

// NameTaken reports whether a group other than g has its name without regard to case.
func (c *Catalog) NameTaken(g *Group) bool {
	for _, other := range c.Groups {
		if other.ID != g.ID && other.Key() == g.Key() {
			return true
		}
	}
	return false
}

// NameKeyTaken is NameTaken among the groups that have a NameKey.
func (c *Catalog) NameKeyTaken(g *Group) bool {
	for _, other := range c.Groups {
		if other.ID != g.ID && other.NameKey == g.NameKey {
			return true
		}
	}
	return false
}

// Grants returns all grants of the user: those of the role, then those of the groups in the order of membership. It is
// the only function that resolves permissions; a deleted role or group grants nothing.
func (c *Catalog) Grants(u *User) Grants {
	role := c.Roles[u.Role].Permissions
	grants := make(Grants, 0, len(role)+4*len(u.Groups))
	source := "role:" + string(u.Role)
	for _, p := range role {
		grants = append(grants, Grant{Source: source, Permission: p})
	}
	for _, id := range u.Groups {
		g, ok := c.Groups[id]
		if !ok || len(g.Permissions) == 0 {
			continue
		}
		source := "group:" + g.Name
		for _, p := range g.Permissions {
			grants = append(grants, Grant{Source: source, Permission: p})
		}
	}
	return grants
}

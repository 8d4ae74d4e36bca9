package records

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Settings is the document of the security settings. A new setting is written always, without omitempty: an absent
// member means that the document is older than the setting, which then has its default.
type Settings struct {
	Version   int64           `json:"version"                   bson:"version"`
	Password  PasswordPolicy  `json:"password"                  bson:"password"`
	Session   SessionPolicy   `json:"session"                   bson:"session"`
	TwoFactor TwoFactorPolicy `json:"two_factor"                bson:"twofactor"`
	Lockout   LockoutPolicy   `json:"lockout"                   bson:"lockout"`
	UpdatedAt time.Time       `json:"updated_at,omitzero"       bson:"updatedat"`
	Grace     Grace           `json:"enrollment_grace,omitzero" bson:"grace"`
}

// Grace spares one session the duty to have a second factor.
type Grace struct {
	Session domain.SessionID `json:"session" bson:"session"`
	Until   time.Time        `json:"until"   bson:"until"`
}

// PasswordPolicy is the part of the settings about passwords.
type PasswordPolicy struct {
	MinLength        int  `json:"min_length"        bson:"minlength"`
	RequireUppercase bool `json:"require_uppercase" bson:"requireuppercase"`
	RequireLowercase bool `json:"require_lowercase" bson:"requirelowercase"`
	RequireNumbers   bool `json:"require_numbers"   bson:"requirenumbers"`
	RequireSpecial   bool `json:"require_special"   bson:"requirespecial"`
	ExpiryDays       int  `json:"expiry_days"       bson:"expirydays"`
	HistoryCount     int  `json:"history_count"     bson:"historycount"`
}

// SessionPolicy is the part of the settings about sessions.
type SessionPolicy struct {
	TimeoutMinutes int `json:"timeout_minutes"  bson:"timeoutminutes"`
	MaxSessions    int `json:"max_sessions"     bson:"maxsessions"`
	RememberMeDays int `json:"remember_me_days" bson:"remembermedays"`

	ReauthenticateMinutes int `json:"reauthenticate_minutes,omitempty" bson:"reauthenticateminutes"`
}

// TwoFactorPolicy is the part of the settings about the second factor.
type TwoFactorPolicy struct {
	Enabled          bool            `json:"enabled"                      bson:"enabled"`
	RequiredForRoles []domain.RoleID `json:"required_for_roles,omitempty" bson:"requiredforroles"`
	Methods          []domain.Method `json:"methods,omitempty"            bson:"methods"`
}

// LockoutPolicy is the part of the settings about failed attempts.
type LockoutPolicy struct {
	MaxAttempts            int `json:"max_attempts"             bson:"maxattempts"`
	LockoutDurationMinutes int `json:"lockout_duration_minutes" bson:"lockoutdurationminutes"`
	ResetWindowMinutes     int `json:"reset_window_minutes"     bson:"resetwindowminutes"`
	AccountMaxAttempts     int `json:"account_max_attempts"     bson:"accountmaxattempts"`
}

// NewSettings returns the document of the settings. It shares slices with the settings.
func NewSettings(s *domain.Settings) Settings {
	return Settings{
		Version: s.Version, Password: PasswordPolicy(s.Password), Session: SessionPolicy(s.Session),
		TwoFactor: TwoFactorPolicy(s.TwoFactor), Lockout: LockoutPolicy(s.Lockout), UpdatedAt: s.UpdatedAt,
		Grace: Grace(s.Grace),
	}
}

// Domain returns the settings of the document.
func (r *Settings) Domain() domain.Settings {
	return domain.Settings{
		Version: r.Version, Password: domain.PasswordPolicy(r.Password), Session: domain.SessionPolicy(r.Session),
		TwoFactor: domain.TwoFactorPolicy(r.TwoFactor), Lockout: domain.LockoutPolicy(r.Lockout), UpdatedAt: r.UpdatedAt,
		Grace: domain.EnrollmentGrace(r.Grace),
	}
}

// StoredSettings returns the document that stored settings are decoded over: the defaults.
func StoredSettings() Settings {
	settings := domain.DefaultSettings()
	return NewSettings(&settings)
}

// StoredSettingsJSON is StoredSettings for JSON, where these lists have always been left out when they were empty.
func StoredSettingsJSON() Settings {
	r := StoredSettings()
	r.TwoFactor.RequiredForRoles, r.TwoFactor.Methods = nil, nil
	return r
}

package sqlitestore

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

type roleRecord struct {
	ID          domain.RoleID       `json:"id"`
	Identifier  string              `json:"identifier,omitempty"`
	Name        string              `json:"name"`
	Permissions []domain.Permission `json:"permissions,omitempty"`
	Level       int                 `json:"level"`
	BuiltIn     bool                `json:"built_in,omitempty"`
	CreatedAt   time.Time           `json:"created_at,omitzero"`
}

type groupRecord struct {
	ID          domain.GroupID      `json:"id"`
	Name        string              `json:"name"`
	NameKey     string              `json:"name_key,omitempty"`
	Description string              `json:"description,omitempty"`
	Permissions []domain.Permission `json:"permissions,omitempty"`
	CreatedAt   time.Time           `json:"created_at,omitzero"`
	UpdatedAt   time.Time           `json:"updated_at,omitzero"`
}

type settingsRecord struct {
	Version   int64                `json:"version"`
	Password  passwordPolicyRecord `json:"password"`
	Session   sessionPolicyRecord  `json:"session"`
	TwoFactor factorPolicyRecord   `json:"two_factor"`
	Lockout   lockoutPolicyRecord  `json:"lockout"`
	UpdatedAt time.Time            `json:"updated_at,omitzero"`
	Grace     graceRecord          `json:"enrollment_grace,omitzero"`
}

type graceRecord struct {
	Session domain.SessionID `json:"session"`
	Until   time.Time        `json:"until"`
}

type passwordPolicyRecord struct {
	MinLength        int  `json:"min_length"`
	RequireUppercase bool `json:"require_uppercase"`
	RequireLowercase bool `json:"require_lowercase"`
	RequireNumbers   bool `json:"require_numbers"`
	RequireSpecial   bool `json:"require_special"`
	ExpiryDays       int  `json:"expiry_days"`
	HistoryCount     int  `json:"history_count"`
}

type sessionPolicyRecord struct {
	TimeoutMinutes int `json:"timeout_minutes"`
	MaxSessions    int `json:"max_sessions"`
	RememberMeDays int `json:"remember_me_days"`

	ReauthenticateMinutes int `json:"reauthenticate_minutes,omitempty"`
}

type factorPolicyRecord struct {
	Enabled          bool            `json:"enabled"`
	RequiredForRoles []domain.RoleID `json:"required_for_roles,omitempty"`
	Methods          []domain.Method `json:"methods,omitempty"`
}

type lockoutPolicyRecord struct {
	MaxAttempts            int `json:"max_attempts"`
	LockoutDurationMinutes int `json:"lockout_duration_minutes"`
	ResetWindowMinutes     int `json:"reset_window_minutes"`
	AccountMaxAttempts     int `json:"account_max_attempts"`
}

func encodeSettings(s *domain.Settings) (string, error) {
	return encode(settingsRecord{
		Version: s.Version, Password: passwordPolicyRecord(s.Password), Session: sessionPolicyRecord(s.Session),
		TwoFactor: factorPolicyRecord(s.TwoFactor), Lockout: lockoutPolicyRecord(s.Lockout), UpdatedAt: s.UpdatedAt,
		Grace: graceRecord(s.Grace),
	})
}

func decodeSettings(doc string) (domain.Settings, error) {
	var r settingsRecord
	if err := decode(doc, &r); err != nil {
		return domain.Settings{}, err
	}
	return domain.Settings{
		Version: r.Version, Password: domain.PasswordPolicy(r.Password), Session: domain.SessionPolicy(r.Session),
		TwoFactor: domain.TwoFactorPolicy(r.TwoFactor), Lockout: domain.LockoutPolicy(r.Lockout), UpdatedAt: r.UpdatedAt,
		Grace: domain.EnrollmentGrace(r.Grace),
	}, nil
}

package domain

// Setting declares one security setting. Defaults, checks, patches, audit details, the API and its OpenAPI document
// derive from the declarations in SecuritySettings.
type Setting struct {
	Name    string // in the API: "password_policy.min_length"
	Limit   Limit  // the range of a number; the zero value for other types
	Default any
	// Value returns the value: an int, a bool or a []string.
	Value func(*Settings) any
	// set sets such a value, and reports whether it has the type of the setting.
	set func(*Settings, any) bool
	// least returns a minimum that depends on another setting. It may be nil.
	least func(*Settings) int
}

// SecuritySettings are all security settings, in the order in which mistakes are reported.
var SecuritySettings = []Setting{
	number("password_policy.min_length", 12, Limits.Password, func(s *Settings) *int { return &s.Password.MinLength }),
	toggle("password_policy.require_uppercase", true, func(s *Settings) *bool { return &s.Password.RequireUppercase }),
	toggle("password_policy.require_lowercase", true, func(s *Settings) *bool { return &s.Password.RequireLowercase }),
	toggle("password_policy.require_numbers", true, func(s *Settings) *bool { return &s.Password.RequireNumbers }),
	toggle("password_policy.require_special", true, func(s *Settings) *bool { return &s.Password.RequireSpecial }),
	number("password_policy.expiry_days", 90, Limit{0, 3650}, func(s *Settings) *int { return &s.Password.ExpiryDays }),
	number("password_policy.history_count", 5, Limit{0, 24}, func(s *Settings) *int { return &s.Password.HistoryCount }),
	number("session_policy.timeout_minutes", 30, Limit{1, 43200},
		func(s *Settings) *int { return &s.Session.TimeoutMinutes }),
	number("session_policy.max_sessions", 5, Limit{1, 100}, func(s *Settings) *int { return &s.Session.MaxSessions }),
	number("session_policy.remember_me_days", 30, Limit{1, 365},
		func(s *Settings) *int { return &s.Session.RememberMeDays }),
	number("session_policy.reauthenticate_minutes", 0, Limit{0, 1440},
		func(s *Settings) *int { return &s.Session.ReauthenticateMinutes }),
	toggle("two_factor.enabled", false, func(s *Settings) *bool { return &s.TwoFactor.Enabled }),
	list("two_factor.required_for_roles", []RoleID{RoleAdmin},
		func(s *Settings) *[]RoleID { return &s.TwoFactor.RequiredForRoles }),
	list("two_factor.methods", []Method{MethodTOTP, MethodSMS},
		func(s *Settings) *[]Method { return &s.TwoFactor.Methods }),
	number("lockout_policy.max_attempts", 5, Limit{1, 100}, func(s *Settings) *int { return &s.Lockout.MaxAttempts }),
	number("lockout_policy.lockout_duration_minutes", 30, Limit{1, 1440},
		func(s *Settings) *int { return &s.Lockout.LockoutDurationMinutes }),
	number("lockout_policy.reset_window_minutes", 15, Limit{1, 1440},
		func(s *Settings) *int { return &s.Lockout.ResetWindowMinutes }),
	number("lockout_policy.account_max_attempts", 50, Limit{1, 1000},
		func(s *Settings) *int { return &s.Lockout.AccountMaxAttempts }).
		atLeast(func(s *Settings) int { return s.Lockout.MaxAttempts }),
}

func number(name string, byDefault int, limit Limit, at func(*Settings) *int) Setting {
	return Setting{
		Name: name, Limit: limit, Default: byDefault, set: setter(at),
		Value: func(s *Settings) any { return *at(s) },
	}
}

func toggle(name string, byDefault bool, at func(*Settings) *bool) Setting {
	return Setting{Name: name, Default: byDefault, set: setter(at), Value: func(s *Settings) any { return *at(s) }}
}

func setter[T any](at func(*Settings) *T) func(*Settings, any) bool {
	return func(s *Settings, value any) bool {
		typed, ok := value.(T)
		if ok {
			*at(s) = typed
		}
		return ok
	}
}

func list[T ~string](name string, byDefault []T, at func(*Settings) *[]T) Setting {
	return Setting{
		Name: name, Default: Texts[string](byDefault),
		Value: func(s *Settings) any { return Texts[string](*at(s)) },
		set: func(s *Settings, value any) bool {
			texts, ok := value.([]string)
			if ok {
				*at(s) = Texts[T](texts)
			}
			return ok
		},
	}
}

// Texts returns a copy of the list in another text type, never nil.
func Texts[To, From ~string](from []From) []To {
	to := make([]To, len(from))
	for i, text := range from {
		to[i] = To(text)
	}
	return to
}

func (d Setting) atLeast(least func(*Settings) int) Setting {
	d.least = least
	return d
}

// Range returns the range of a number. ok is false for other types.
func (d Setting) Range(s *Settings) (limit Limit, ok bool) {
	limit = d.Limit
	if d.least != nil {
		limit.Min = d.least(s)
	}
	return limit, limit != Limit{}
}

// Set sets the setting with the name. It returns false if there is none or if it has another type.
func (s *Settings) Set(name string, value any) bool {
	for _, d := range SecuritySettings {
		if d.Name == name {
			return d.set(s, value)
		}
	}
	return false
}

// DefaultSettings returns the settings of a new installation.
func DefaultSettings() Settings {
	s := Settings{Version: 1}
	for _, d := range SecuritySettings {
		d.set(&s, d.Default)
	}
	return s
}

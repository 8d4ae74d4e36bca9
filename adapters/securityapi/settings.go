package securityapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
)

func (a *api) settingsRoutes() []httpserver.Route {
	configures := httpserver.Requires(domain.SystemConfigure)
	return []httpserver.Route{
		route(http.MethodGet, "/settings/security", configures, a.getSettings),
		route(http.MethodPatch, "/settings/security", configures, a.updateSettings),
	}
}

func (a *api) getSettings(r *httpserver.Request) error {
	s, err := a.Settings.Get(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	return answerSettings(r, settings.Patched{Settings: s})
}

func (a *api) updateSettings(r *httpserver.Request) error {
	version, err := ifMatch(r.Header("If-Match"))
	if err != nil {
		return err
	}
	var in UpdateSettingsRequest
	if err := r.Decode(&in); err != nil {
		return err
	}
	s, err := a.Settings.Patch(r.Context(), r.Principal, settingsPatch(in), version)
	if err != nil {
		return err
	}
	return answerSettings(r, s)
}

// ifMatch returns the version that If-Match names; zero for none and for "*", which any version is. Of a list the latest
// counts, which is the only one that can be in force. What is no strong entity tag of ours cannot match (RFC 9110, 13.1.1).
func ifMatch(header string) (int64, error) {
	if header == "" || header == "*" {
		return 0, nil
	}
	latest := int64(0)
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.Trim(tag, " \t")
		if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			continue
		}
		if version, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64); err == nil {
			latest = max(latest, version)
		}
	}
	if latest < 1 {
		return 0, fault.ErrPrecondition
	}
	return latest, nil
}

func settingsPatch(in UpdateSettingsRequest) settings.Patch {
	p, s, f, l := or(in.PasswordPolicy), or(in.SessionPolicy), or(in.TwoFactor), or(in.LockoutPolicy)
	return settings.Patch{
		Profile: (*string)(in.Profile),
		Password: settings.PasswordPatch{
			MinLength: p.MinLength, RequireUppercase: p.RequireUppercase, RequireLowercase: p.RequireLowercase,
			RequireNumbers: p.RequireNumbers, RequireSpecial: p.RequireSpecial, ExpiryDays: p.ExpiryDays, HistoryCount: p.HistoryCount,
		},
		Session: settings.SessionPatch{TimeoutMinutes: s.TimeoutMinutes, MaxSessions: s.MaxSessions, RememberMeDays: s.RememberMeDays, ReauthenticateMinutes: s.ReauthenticateMinutes},
		TwoFactor: settings.TwoFactorPatch{
			Enabled: f.Enabled, RequiredForRoles: retyped[domain.RoleID](f.RequiredForRoles), Methods: retyped[domain.Method](f.Methods),
		},
		Lockout: settings.LockoutPatch{
			MaxAttempts: l.MaxAttempts, LockoutDurationMinutes: l.LockoutDurationMinutes, ResetWindowMinutes: l.ResetWindowMinutes,
			AccountMaxAttempts: l.AccountMaxAttempts,
		},
	}
}

// retyped returns the texts as values of another text type; nil stays nil.
func retyped[T ~string](from *[]string) *[]T {
	if from == nil {
		return nil
	}
	values := make([]T, 0, len(*from))
	for _, text := range *from {
		values = append(values, T(text))
	}
	return &values
}

func answerSettings(r *httpserver.Request, patched settings.Patched) error {
	s := &patched.Settings
	r.SetHeader("ETag", strconv.Quote(strconv.FormatInt(s.Version, 10)))
	p, l := s.Password, s.Lockout
	answer := SecuritySettings{
		PasswordPolicy: PasswordPolicy{
			MinLength: p.MinLength, RequireUppercase: p.RequireUppercase, RequireLowercase: p.RequireLowercase,
			RequireNumbers: p.RequireNumbers, RequireSpecial: p.RequireSpecial, ExpiryDays: p.ExpiryDays, HistoryCount: p.HistoryCount,
		},
		SessionPolicy: SessionPolicy{
			TimeoutMinutes: s.Session.TimeoutMinutes, MaxSessions: s.Session.MaxSessions, RememberMeDays: s.Session.RememberMeDays,
			ReauthenticateMinutes: s.Session.ReauthenticateMinutes,
		},
		TwoFactor: TwoFactorPolicy{Enabled: s.TwoFactor.Enabled, RequiredForRoles: texts(s.TwoFactor.RequiredForRoles)},
		LockoutPolicy: LockoutPolicy{
			MaxAttempts: l.MaxAttempts, LockoutDurationMinutes: l.LockoutDurationMinutes, ResetWindowMinutes: l.ResetWindowMinutes,
			AccountMaxAttempts: l.AccountMaxAttempts,
		},
	}
	answer.TwoFactor.Methods = make([]TwoFactorPolicyMethods, 0, len(s.TwoFactor.Methods))
	for _, m := range s.TwoFactor.Methods {
		answer.TwoFactor.Methods = append(answer.TwoFactor.Methods, TwoFactorPolicyMethods(m))
	}
	if advice := settings.Advisories(s); len(advice) > 0 {
		answer.Advisories = &advice
	}
	if len(patched.Warnings) > 0 {
		answer.Warnings = &patched.Warnings
	}
	return r.JSON(http.StatusOK, answer)
}

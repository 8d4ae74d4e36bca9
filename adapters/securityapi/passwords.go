package securityapi

import (
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func (a *api) passwordRoutes() []httpserver.Route {
	return []httpserver.Route{
		route(http.MethodPost, "/users/{user_id}/password", httpserver.SignedIn(),
			httpserver.BindBoth(userID, a.changePassword)),
		route(http.MethodPut, "/users/{user_id}/password", managesUsers(), httpserver.BindBoth(userID, a.setPassword)),
		socketOnly(route(http.MethodPost, "/users/{user_id}/password-reset-link", managesUsers(),
			httpserver.BindBothOptional(userID, a.createResetLink))),
		route(http.MethodPost, "/auth/password/reset-request", httpserver.Public(),
			httpserver.BindBody(a.requestReset)),
		route(http.MethodPost, "/auth/password/reset", httpserver.Public(), httpserver.BindBody(a.resetPassword)),
		route(http.MethodPost, "/auth/email/confirm", httpserver.Public(), httpserver.BindBody(a.confirmEmail)),
	}
}

func (a *api) changePassword(r *httpserver.Request, id domain.UserID, in ChangePasswordRequest) error {
	if err := required(map[string]string{
		"current_password": in.CurrentPassword,
		"new_password":     in.NewPassword,
	}); err != nil {
		return err
	}
	err := a.Account.ChangePassword(r.Context(), r.Principal, id,
		account.PasswordChange{Current: in.CurrentPassword, Next: in.NewPassword})
	return r.Reply(UserAction{UserID: string(id), Status: "password_changed"}, err)
}

func (a *api) setPassword(r *httpserver.Request, id domain.UserID, in SetPasswordRequest) error {
	if err := required(map[string]string{"new_password": in.NewPassword}); err != nil {
		return err
	}
	if err := notEmpty(map[string]*string{"current_password": in.CurrentPassword}); err != nil {
		return err
	}
	change := account.PasswordChange{Current: or(in.CurrentPassword), Next: in.NewPassword}
	err := a.Account.ReplacePassword(r.Context(), r.Principal, id, change)
	return r.Reply(UserAction{UserID: string(id), Status: "password_changed"}, err)
}

func (a *api) createResetLink(r *httpserver.Request, id domain.UserID, _ struct{}) error {
	token, expires, err := a.Account.ResetLink(r.Context(), r.Principal, id)
	return r.Reply(PasswordResetLink{
		UserID: string(id), Token: token, ExpiresAt: httpserver.Seconds(expires),
		URL: a.Link(domain.TokenReset, token),
	}, err)
}

func (a *api) requestReset(r *httpserver.Request, in PasswordResetRequest) error {
	if err := required(map[string]string{"email": in.Email}); err != nil {
		return err
	}
	rate, err := a.Account.RequestReset(r.Context(), r.Principal, in.Email)
	r.RateLimit(rate)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusAccepted, Accepted{Status: "accepted"})
}

func (a *api) resetPassword(r *httpserver.Request, in PasswordReset) error {
	if err := required(map[string]string{"token": in.Token, "new_password": in.NewPassword}); err != nil {
		return err
	}
	err := a.Account.Reset(r.Context(), r.Principal, in.Token, in.NewPassword)
	return r.Reply(PasswordResetDone{Status: "password_reset"}, err)
}

func (a *api) confirmEmail(r *httpserver.Request, in ConfirmEmailRequest) error {
	if err := required(map[string]string{"token": in.Token}); err != nil {
		return err
	}
	user, err := a.Account.ConfirmEmail(r.Context(), r.Principal, in.Token)
	return r.Reply(EmailConfirmed{
		UserID: string(user.ID), Email: user.Email,
		EmailVerified: user.EmailVerified,
	}, err)
}

// notEmpty names every field that is given and empty.
func notEmpty(fields map[string]*string) error {
	empty := fault.ErrInvalid
	for _, name := range sorted(fields) {
		if fields[name] != nil && *fields[name] == "" {
			empty = empty.About(name, "must not be empty")
		}
	}
	return domain.Refusal(empty)
}

// required names every field that is absent or empty.
func required(fields map[string]string) error {
	missing := fault.ErrInvalid
	for _, name := range sorted(fields) {
		if fields[name] == "" {
			missing = missing.About(name, "is required")
		}
	}
	return domain.Refusal(missing)
}

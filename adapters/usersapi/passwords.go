package usersapi

import (
	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/rolepolicy"
)

func (a *api) changePassword(r *httpserver.Request) error {
	in, err := passwordInput(r, "changed")
	if err != nil {
		return err
	}
	err = a.RolePolicy.ChangePassword(r.Context(), r.Principal, in)
	return r.Reply(messageAnswer{"Password changed successfully"}, err)
}

func (a *api) resetPassword(r *httpserver.Request) error {
	in, err := passwordInput(r, "reset")
	if err != nil {
		return err
	}
	err = a.RolePolicy.ResetPassword(r.Context(), r.Principal, in)
	return r.Reply(messageAnswer{"Password reset successfully"}, err)
}

func passwordInput(r *httpserver.Request, done string) (rolepolicy.PasswordInput, error) {
	if r.Principal.UserID == "" {
		return rolepolicy.PasswordInput{}, rolepolicy.ErrNotAPerson
	}
	body, err := readBody(r, map[string]string{
		"target_username": "Username whose password will be " + done, "new_password": "New password",
	})
	if err != nil {
		return rolepolicy.PasswordInput{}, err
	}
	var in rolepolicy.PasswordInput
	err = body.texts(map[string]*string{
		"target_username": &in.Target, "new_password": &in.Next,
		"current_password": &in.Current,
	})
	return in, err
}

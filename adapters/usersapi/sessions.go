package usersapi

import (
	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// loginAnswer is what a login answers.
type loginAnswer struct {
	APIKey    string `json:"apiKey"`
	Role      string `json:"role"`
	RoleLevel int    `json:"role_level"`
	Datetime  string `json:"datetime"`
	Timezone  string `json:"timezone"`
}

// datetimeForm is the original's: MM/DD/YYYY, HH:MM:SS.
const datetimeForm = "01/02/2006, 15:04:05"

func (a *api) login(r *httpserver.Request) error {
	in, err := loginInput(r)
	if err != nil {
		return err
	}
	in.Kind = domain.SessionKey
	signed, err := a.Auth.Login(r.Context(), r.Principal, in)
	if err != nil && fault.Of(err).Kind == fault.Invalid {
		// This API answers an empty or overlong name, password or code like a wrong one, so it counts and is recorded like
		// one.
		_, signed.Rate, err = a.Auth.CheckCredentials(r.Context(), r.Principal, in)
		if err == nil {
			err = fault.ErrUnauthorized
		}
	}
	r.RateLimit(signed.Rate)
	if err != nil {
		return loginFailure(err)
	}
	p, err := a.Auth.Authenticate(r.Context(), signed.Tokens.Key, r.Origin)
	return r.Reply(loginAnswer{
		APIKey: signed.Tokens.Key, Role: string(p.Role), RoleLevel: p.Level,
		Datetime: a.Clock.Now().In(a.Timezone).Format(datetimeForm), Timezone: a.Timezone.String(),
	}, err)
}

func loginInput(r *httpserver.Request) (auth.LoginInput, error) {
	body, err := readBody(r, map[string]string{"password": "User password"})
	if err != nil {
		return auth.LoginInput{}, err
	}
	var in auth.LoginInput
	var email string
	err = body.texts(map[string]*string{
		"username": &in.Name, "email": &email, "password": &in.Password,
		"two_factor_code": &in.Code,
	})
	if in.Name == "" {
		in.Name = email
	}
	return in, err
}

// logout ends the session of the key; the next use of it is an invalid token.
func (a *api) logout(r *httpserver.Request) error {
	used, err := r.Credential()
	if err != nil {
		return err
	}
	err = a.Auth.Logout(r.Context(), r.Principal, "", used)
	return r.Reply(messageAnswer{"Logout successfull"}, err) //nolint:misspell // the original's spelling, which clients compare
}

type messageAnswer struct {
	Message string `json:"message"`
}

func (a *api) credentialsAreValid(r *httpserver.Request) error {
	in, err := loginInput(r)
	if err != nil {
		return err
	}
	valid, rate, err := a.Auth.CheckCredentials(r.Context(), domain.Anonymous(r.Origin), in)
	r.RateLimit(rate)
	return r.Reply(valid, loginFailure(err))
}

package securityapi

import (
	"errors"
	"net/url"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/sso"
)

func (a *api) stepUp(r *httpserver.Request, in StepUpRequest) error {
	renewed, err := a.renew(r, in)
	if errors.Is(err, domain.ErrReauthentication) {
		return a.atProvider(r, err)
	}
	return r.Reply(StepUpResult{
		SessionID: string(renewed.SessionID), Status: Reauthenticated, AuthTime: httpserver.Seconds(renewed.AuthTime),
	}, err)
}

// renew hands the proof of the body on: a password, a code of the second factor, or the code of a sign-in at the
// provider.
func (a *api) renew(r *httpserver.Request, in StepUpRequest) (auth.SteppedUp, error) {
	if or(in.Code) == "" {
		return a.Auth.StepUp(r.Context(), r.Principal, auth.StepUpInput{
			Password: or(in.Password),
			Code:     or(in.TwoFactorCode),
		})
	}
	if or(in.Password) != "" || or(in.TwoFactorCode) != "" {
		return auth.SteppedUp{}, fault.ErrInvalid.About("code", "cannot be combined with another proof")
	}
	return a.SSO.StepUp(r.Context(), r.Principal, sso.ExchangeInput{Code: *in.Code, Verifier: or(in.CodeVerifier)})
}

// atProvider adds to the refusal of a provider's user where to send the browser.
func (a *api) atProvider(r *httpserver.Request, refusal error) error {
	f := fault.Of(refusal)
	provider, ok := f.Extra()["provider"].(string)
	if !ok {
		return refusal
	}
	mark, err := a.SSO.OfferStepUp(r.Context(), r.Principal)
	if err != nil {
		return err
	}
	return f.With("login_url", Base+ssoPath+url.PathEscape(provider)+"/login?step_up="+url.QueryEscape(mark))
}

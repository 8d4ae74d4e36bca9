package securityapi

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/core/sso"
)

const ssoPath = "/auth/oidc/"

func (a *api) ssoRoutes() []httpserver.Route {
	backChannel := route(http.MethodPost, ssoPath+"{provider}/backchannel-logout", httpserver.Public(),
		a.oidcBackChannelLogout)
	backChannel.Accepts = []string{formType}
	return []httpserver.Route{
		route(http.MethodGet, "/auth/providers", httpserver.Public(), a.listProviders),
		route(http.MethodGet, ssoPath+"{provider}/login", httpserver.Public(), a.oidcLogin),
		route(http.MethodGet, ssoPath+"{provider}/callback", httpserver.Public(), a.oidcCallback),
		route(http.MethodPost, ssoPath+"{provider}/link", httpserver.SignedIn(), httpserver.BindBody(a.oidcLink)),
		backChannel,
		route(http.MethodPost, ssoPath+"token", httpserver.Public(), httpserver.BindBody(a.oidcToken)),
		route(http.MethodPost, ssoPath+"logout", httpserver.Public(), httpserver.BindOptional(a.oidcLogout)),
	}
}

func (a *api) listProviders(r *httpserver.Request) error {
	return r.JSON(http.StatusOK, ProviderList{Providers: each(a.SSO.Providers(), func(p sso.Provider) Provider {
		return Provider{
			ID: string(p.ID), Type: p.Type, Name: p.Name, LoginURL: Base + ssoPath + url.PathEscape(string(p.ID)) + "/login",
		}
	})})
}

func (a *api) oidcLogin(r *httpserver.Request) error {
	in, err := startInput(r)
	if err != nil {
		return err
	}
	started, err := a.SSO.Start(r.Context(), r.Principal, in)
	if err != nil {
		return err
	}
	a.bind(r, started)
	return r.Redirect(started.URL)
}

func startInput(r *httpserver.Request) (sso.StartInput, error) {
	in := sso.StartInput{Directory: domain.DirectoryID(r.Param("provider"))}
	query, err := r.Query()
	if err != nil {
		return in, err
	}
	for name, into := range map[string]*string{
		"redirect_uri": &in.RedirectURI, "state": &in.State, "login_hint": &in.LoginHint,
		"code_challenge": &in.Challenge, "code_challenge_method": &in.ChallengeMethod, "step_up": &in.StepUp,
	} {
		if *into, err = query.One(name); err != nil {
			return in, err
		}
	}
	if in.Remember, err = query.Bool("remember_me"); err != nil {
		return in, err
	}
	in.Fresh, err = query.Bool("fresh")
	return in, err
}

// bind gives the browser the cookie that only the callback gets to see.
func (a *api) bind(r *httpserver.Request, started sso.Started) {
	r.SetCookie(cookieName(started.State), started.Secret, callbackPath(r), sso.FlowLife, a.SecureCookies)
}

// cookieName returns the name of a flow's cookie, which does not reveal the state.
func cookieName(state string) string { return "ostiary_sso_" + opaquetoken.Fingerprint(state)[:12] }

func callbackPath(r *httpserver.Request) string {
	return Base + ssoPath + url.PathEscape(r.Param("provider")) + "/callback"
}

func (a *api) oidcCallback(r *httpserver.Request) error {
	in := sso.CallbackInput{Directory: domain.DirectoryID(r.Param("provider"))}
	query, err := r.Query()
	if err != nil {
		return err
	}
	for name, into := range map[string]*string{
		"code": &in.Answer.Code, "state": &in.Answer.State, "iss": &in.Answer.Issuer,
		"error": &in.Answer.Error, "error_description": &in.Answer.ErrorDescription,
	} {
		if *into, err = query.One(name); err != nil {
			return err
		}
	}
	cookie := cookieName(in.Answer.State)
	in.Secret = r.Cookie(cookie)
	returned, err := a.SSO.Callback(r.Context(), r.Principal, in)
	if err != nil {
		return err
	}
	r.SetCookie(cookie, "", callbackPath(r), 0, a.SecureCookies)
	return r.Redirect(returnURL(returned))
}

// returnURL adds the result and the client's state to the client's redirect URI, as OAuth 2.0 does (RFC 6749, 4.1.2).
func returnURL(returned sso.Returned) string {
	u, err := url.Parse(returned.RedirectURI)
	if err != nil { // it equals a configured URI, which is a valid URL
		return returned.RedirectURI
	}
	query := u.Query()
	switch {
	case returned.Err == nil:
		query.Set("code", returned.Code)
	case errors.Is(returned.Err, domain.ErrDirectoryUnavailable):
		query.Set("error", "temporarily_unavailable")
	default:
		query.Set("error", "access_denied")
	}
	if returned.State != "" {
		query.Set("state", returned.State)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func (a *api) oidcLink(r *httpserver.Request, in OIDCLinkRequest) error {
	if err := required(map[string]string{"redirect_uri": in.RedirectURI}); err != nil {
		return err
	}
	started, err := a.SSO.StartLink(r.Context(), r.Principal, sso.StartInput{
		Directory: domain.DirectoryID(r.Param("provider")), RedirectURI: in.RedirectURI, State: or(in.State),
		Challenge: or(in.CodeChallenge), ChallengeMethod: string(or(in.CodeChallengeMethod)),
	})
	if err != nil {
		return err
	}
	a.bind(r, started)
	return r.JSON(http.StatusOK, OIDCLinkResult{AuthorizationURL: started.URL})
}

func (a *api) oidcToken(r *httpserver.Request, in OIDCTokenRequest) error {
	signed, err := a.SSO.Exchange(r.Context(), r.Principal, sso.ExchangeInput{
		Code: in.Code, Verifier: or(in.CodeVerifier), TwoFactorCode: or(in.TwoFactorCode),
	})
	return r.Reply(signedIn(signed), err)
}

func (a *api) oidcLogout(r *httpserver.Request, in OIDCLogoutRequest) error {
	bearer, err := a.endable(r, or(in.RefreshToken))
	if err != nil {
		return err
	}
	address, err := a.SSO.Logout(r.Context(), r.Principal, sso.LogoutInput{
		Bearer: bearer, Refresh: or(in.RefreshToken), ReturnTo: or(in.PostLogoutRedirectURI), State: or(in.State),
	})
	return r.Reply(OIDCLogoutResult{
		Status:            OIDCLogoutResultStatusLoggedOut,
		ProviderLogoutURL: textOrNull(address),
	}, err)
}

func (a *api) oidcBackChannelLogout(r *httpserver.Request) error {
	token, err := httpserver.ParseForm(string(r.Body())).One("logout_token")
	if err != nil {
		return err
	}
	err = a.SSO.BackChannelLogout(r.Context(), r.Principal, domain.DirectoryID(r.Param("provider")), token)
	return r.Reply(LogoutResult{Status: "logged_out"}, err)
}

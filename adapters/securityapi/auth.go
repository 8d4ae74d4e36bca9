package securityapi

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

const formType = "application/x-www-form-urlencoded"

func (a *api) authRoutes() []httpserver.Route {
	introspect := route(http.MethodPost, "/auth/introspect", httpserver.Requires(domain.TokensIntrospect), a.introspect)
	introspect.Accepts = []string{"application/json", formType}
	return []httpserver.Route{
		route(http.MethodPost, "/auth/login", httpserver.Public(), httpserver.BindBody(a.login)),
		route(http.MethodPost, "/auth/refresh", httpserver.Public(), httpserver.BindBody(a.refresh)),
		route(http.MethodPost, "/auth/logout", httpserver.Public(), httpserver.BindOptional(a.logout)),
		route(http.MethodGet, "/auth/verify", httpserver.Public(), a.verify),
		route(http.MethodPost, "/auth/step-up", httpserver.SignedIn(), httpserver.BindOptional(a.stepUp)),
		introspect,
		a.keySetRoute(),
	}
}

func (a *api) login(r *httpserver.Request, in LoginRequest) error {
	name, err := loginName(in)
	if err != nil {
		return err
	}
	signed, err := a.Auth.Login(r.Context(), r.Principal, auth.LoginInput{
		Name: name, Password: in.Password, Code: or(in.TwoFactorCode), Remember: or(in.RememberMe),
	})
	r.RateLimit(signed.Rate)
	return r.Reply(signedIn(signed), err)
}

// loginName returns the one name that was sent, as username or as email.
func loginName(in LoginRequest) (string, error) {
	name, email := or(in.Username), or(in.Email)
	switch {
	case in.Password == "":
		return "", fault.ErrInvalid.About("password", "is required")
	case name == "" && email == "":
		return "", fault.ErrInvalid.About("username", "is required")
	case name != "" && email != "" && name != email:
		return "", fault.ErrInvalid.About("email", "cannot be combined with another username")
	case name == "":
		return email, nil
	default:
		return name, nil
	}
}

func signedIn(s auth.SignedIn) LoginResult {
	return LoginResult{
		AccessToken: s.Tokens.Access, RefreshToken: s.Tokens.Refresh, TokenType: "Bearer",
		ExpiresIn: int(s.Tokens.ExpiresIn.Seconds()),
		SessionID: string(s.Session.ID),
		User:      LoginUser{UserID: string(s.User.ID), Username: s.User.Username, Role: string(s.User.Role)},
		Scope:     orAbsent(LoginResultScope(s.Scope)),
	}
}

func (a *api) refresh(r *httpserver.Request, in RefreshRequest) error {
	if in.RefreshToken == "" {
		return fault.ErrInvalid.About("refresh_token", "is required")
	}
	signed, err := a.Auth.Refresh(r.Context(), r.Principal, in.RefreshToken)
	return r.Reply(signedIn(signed), err)
}

func (a *api) logout(r *httpserver.Request, in LogoutRequest) error {
	bearer, err := a.endable(r, or(in.RefreshToken))
	if err != nil {
		return err
	}
	err = a.Auth.Logout(r.Context(), r.Principal, or(in.RefreshToken), bearer)
	return r.Reply(LogoutResult{Status: "logged_out"}, err)
}

// endable returns the credential whose session a call is to end; empty if only a refresh token was sent. A third-party
// token is no credential of this API, and a client that sends one would take the answer for its end: it is refused as
// an API key is.
func (a *api) endable(r *httpserver.Request, refresh string) (string, error) {
	bearer, err := r.Credential()
	if err == nil && bearer == "" && refresh == "" {
		err = fault.ErrInvalid.About("refresh_token", "is required without a bearer token")
	}
	if err != nil || opaquetoken.KindOf(bearer) != opaquetoken.ThirdParty {
		return bearer, err
	}
	_, err = a.TPT.Authenticate(r.Context(), bearer, r.Origin)
	switch {
	case err == nil:
		return "", fault.ErrForbidden
	case errors.Is(err, fault.ErrUnauthorized):
		return bearer, nil
	}
	return "", err
}

// verify is public, since its refusal has a member of its own: a client reads "valid" whatever the status.
func (a *api) verify(r *httpserver.Request) error {
	p, err := a.verified(r)
	if err != nil {
		return err
	}
	return r.Raw(http.StatusOK, "application/json; charset=utf-8", appendVerified(make([]byte, 0, 512), VerificationResult{
		Valid: true, UserID: string(p.UserID), ExpiresAt: timeOrNull(p.ExpiresAt), Username: p.Username, Role: string(p.Role),
		Permissions: texts(p.Grants.Permissions()), SessionID: textOrNull(string(p.SessionID)),
	}))
}

// verified returns whose the credential of the request is, and makes the request theirs.
func (a *api) verified(r *httpserver.Request) (domain.Principal, error) {
	credential, err := r.Credential()
	if err != nil {
		return domain.Principal{}, err
	}
	p, err := a.Auth.Authenticate(r.Context(), credential, r.Origin)
	if err != nil {
		if f := fault.Of(err); f.Kind == fault.Unauthenticated {
			return domain.Principal{}, f.With("valid", false)
		}
		return domain.Principal{}, err
	}
	r.Principal = p
	if p.Scope == domain.ScopeEnrollment {
		return domain.Principal{}, domain.ErrEnrollmentRequired.With("valid", false)
	}
	return p, nil
}

func (a *api) introspect(r *httpserver.Request) error {
	token, err := introspected(r)
	if err != nil {
		return err
	}
	found, err := a.Auth.Introspect(r.Context(), r.Principal, token)
	if err != nil {
		return err
	}
	if !found.Active {
		return r.JSON(http.StatusOK, IntrospectionResult{Active: false})
	}
	p, kind := found.Principal, "Bearer" // RFC 7662, 2.2: how it is used (RFC 6749, 5.1), not what it is
	answer := IntrospectionResult{
		Active: true, TokenType: &kind, Sub: orAbsent(string(p.UserID)), Username: orAbsent(p.Username),
		Sid: orAbsent(string(p.SessionID)), Scope: orAbsent(strings.Join(texts(p.Grants.Permissions()), " ")),
	}
	if !p.ExpiresAt.IsZero() {
		answer.Exp = new(p.ExpiresAt.Unix())
	}
	return r.JSON(http.StatusOK, answer)
}

// introspected returns the token of an RFC 7662 form or of the same as JSON.
func introspected(r *httpserver.Request) (string, error) {
	kind, _, err := mime.ParseMediaType(r.Header("Content-Type"))
	if err != nil || kind != formType {
		var in IntrospectRequest
		err := r.Decode(&in)
		return in.Token, err
	}
	return httpserver.ParseForm(string(r.Body())).One("token")
}

// keySetRoute is the route of the public keys, at the root of the server and below the base path, where clients that
// are generated from the document look.
func (a *api) keySetRoute() httpserver.Route {
	return route(http.MethodGet, "/.well-known/jwks.json", httpserver.Public(), a.keySet)
}

func (a *api) keySet(r *httpserver.Request) error {
	keys, err := a.Auth.KeySet(r.Context())
	if err != nil {
		return err
	}
	r.SetHeader("Cache-Control", "public, max-age=300")
	return r.Raw(http.StatusOK, "application/json; charset=utf-8", keys)
}

package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// ProviderLogin is the result of a login at an OpenID provider for a user of this service.
type ProviderLogin struct {
	UserID       domain.UserID
	Code         string // code of the second factor of this service
	Remember     bool
	Methods      []string // authentication methods reported by the provider (RFC 8176)
	SecondFactor bool     // the provider's second factor counts as ours
	AuthTime     time.Time
	Directory    domain.DirectoryID
	Subject      domain.Subject
	Session      string // "sid" at the provider
	Grant        string // the provider's refresh token
	IDToken      string
}

// LoginByProvider starts a session for a user that a provider has authenticated. It requires our second factor as at
// any login (domain.ErrTwoFactorRequired, domain.ErrTwoFactorLogin) unless the provider's counts. A user who may not
// log in is fault.ErrUnauthorized.
func (s *Service) LoginByProvider(ctx context.Context, by domain.Principal, in ProviderLogin) (SignedIn, error) {
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return SignedIn{}, err
	}
	user, err := s.deps.Users.Get(ctx, in.UserID)
	switch {
	case errors.Is(err, domain.ErrUserNotFound):
		return SignedIn{}, s.refuseProvider(ctx, by, in, domain.ActionLoginFailed, "purged", fault.ErrUnauthorized)
	case err != nil:
		return SignedIn{}, err
	case user.Status != domain.StatusActive:
		return SignedIn{}, s.refuseProvider(ctx, by, in, domain.ActionLoginFailed, string(user.Status), fault.ErrUnauthorized)
	case user.Directory != in.Directory || user.Subject != in.Subject:
		return SignedIn{}, s.refuseProvider(ctx, by, in, domain.ActionLoginFailed, "changed_meanwhile", fault.ErrUnauthorized)
	}
	method, err := s.providerFactor(ctx, by, in, &user)
	if err != nil {
		return SignedIn{}, err
	}
	signedIn, err := s.start(ctx, by, catalog, sessionRequest{
		user: user, remember: in.Remember, methods: in.methods(method), detail: audit.Detail("method", "oidc"),
		authTime: in.AuthTime,
		provider: domain.ProviderSession{Directory: in.Directory, Subject: in.Subject, ID: in.Session},
		grant:    in.Grant, idToken: in.IDToken,
	})
	if errors.Is(err, errStale) {
		return SignedIn{}, s.refuseProvider(ctx, by, in, domain.ActionLoginFailed, "changed_meanwhile", fault.ErrUnauthorized)
	}
	return signedIn, err
}

// providerFactor is secondFactor for a login without a password.
func (s *Service) providerFactor(ctx context.Context, by domain.Principal, in ProviderLogin,
	user *domain.User,
) (domain.Method, error) {
	if !user.Factor.IsOn() || in.SecondFactor {
		return "", nil
	}
	if in.Code == "" {
		challenge := s.deps.Factor.Challenge(ctx, user)
		return "", s.refuseProvider(ctx, by, in, domain.ActionLoginFailed, fault.Of(challenge).Code, challenge)
	}
	method, err := s.deps.Factor.Verify(ctx, by, user, in.Code)
	if err != nil {
		return "", s.refuseProvider(ctx, by, in, domain.ActionTwoFactorFailed, fault.Of(err).Code, err)
	}
	return method, nil
}

// refuseProvider records the reason why a login was refused and returns the failure.
func (s *Service) refuseProvider(
	ctx context.Context, by domain.Principal, in ProviderLogin, action domain.Action, reason string, failure error,
) error {
	entry := s.deps.AuditWriter.Entry(by, action, string(in.UserID), audit.ActedBy(in.UserID), audit.Failed(reason),
		audit.Detail("method", "oidc"), audit.Detail("directory", string(in.Directory)))
	if err := s.deps.AuditWriter.Write(ctx, entry); err != nil {
		return err
	}
	return failure
}

// methods returns the authentication methods of the session. It reports a second factor only if that counts here.
func (in *ProviderLogin) methods(second domain.Method) []string {
	var methods []string
	for _, m := range in.Methods {
		if m != "" && m != "mfa" && m != domain.MethodProviderFactor && len(m) <= 32 && len(methods) < 10 &&
			!slices.Contains(methods, m) {
			methods = append(methods, m)
		}
	}
	if in.SecondFactor {
		return append(methods, domain.MethodProviderFactor, "mfa")
	}
	return append(methods, secondMethods(second)...)
}

// EndByProvider ends a session because the provider ended its own, for the given reason. It has no effect on an ended
// session.
func (s *Service) EndByProvider(ctx context.Context, by domain.Principal, session domain.Session, reason string) error {
	return s.end(ctx, session, s.ended(by, domain.ActionSessionRevoke, &session, audit.Detail("reason", reason)))
}

// GrantBinding returns the context that a provider's refresh token is sealed with.
func GrantBinding(id domain.SessionID) string { return "sessions|" + string(id) + "|provider_grant" }

// IDTokenBinding returns the context that a provider's ID token is sealed with.
func IDTokenBinding(id domain.SessionID) string {
	return "sessions|" + string(id) + "|provider_id_token"
}

// sealProvider stores the sealed provider tokens in the session.
func (s *Service) sealProvider(session *domain.Session, b *sessionRequest) error {
	seal := func(text, binding string, into *[]byte) error {
		if text == "" {
			return nil
		}
		sealed, err := s.deps.Sealer.Seal([]byte(text), binding)
		*into = sealed
		return err
	}
	session.Provider = b.provider
	session.Provider.CheckedAt = session.CreatedAt
	if err := seal(b.grant, GrantBinding(session.ID), &session.Provider.Grant); err != nil {
		return err
	}
	return seal(b.idToken, IDTokenBinding(session.ID), &session.Provider.IDToken)
}

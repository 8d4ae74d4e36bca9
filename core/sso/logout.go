package sso

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// LogoutInput ends a session here and, through the browser, at its provider. ReturnTo is where the provider redirects
// the browser afterwards, one of the configured URIs or empty; State is passed on to it.
type LogoutInput struct {
	Bearer   string
	Refresh  string
	ReturnTo string
	State    string
}

// Logout ends the session like auth.Service.Logout and returns the provider's logout URL for the browser. The URL is
// empty if the session has no provider, or if the provider has none or is unavailable: the session here ends in any
// case.
func (s *Service) Logout(ctx context.Context, by domain.Principal, in LogoutInput) (string, error) {
	if in.ReturnTo != "" && !slices.Contains(s.deps.Config.PostLogoutURIs, in.ReturnTo) {
		return "", fault.ErrInvalid.About("post_logout_redirect_uri",
			"must be one of the configured addresses, to the character")
	}
	if err := domain.Limits.State.CheckBytes("state", in.State); err != nil {
		return "", err
	}
	session, live, err := s.sessionOf(ctx, by, in.Bearer)
	if err != nil {
		return "", err
	}
	if err := s.deps.Auth.Logout(ctx, by, in.Refresh, in.Bearer); err != nil || !live {
		return "", err
	}
	d, _ := s.deps.Directories.Get(session.Provider.Directory)
	provider, ok := d.(ports.ProviderSessions)
	if !ok {
		return "", nil
	}
	idToken := ""
	if len(session.Provider.IDToken) > 0 {
		plain, err := s.deps.Sealer.Open(session.Provider.IDToken, auth.IDTokenBinding(session.ID))
		if err != nil {
			return "", err
		}
		idToken = string(plain)
	}
	address, err := provider.LogoutURL(ctx, idToken, in.ReturnTo, in.State)
	if errors.Is(err, domain.ErrDirectoryUnavailable) {
		return "", nil
	}
	return address, err
}

// sessionOf returns the live session of a bearer token.
func (s *Service) sessionOf(ctx context.Context, by domain.Principal, bearer string) (session domain.Session, live bool,
	err error,
) {
	if bearer == "" {
		return domain.Session{}, false, nil
	}
	principal, err := s.deps.Auth.Authenticate(ctx, bearer, by.Origin)
	if errors.Is(err, fault.ErrUnauthorized) || err == nil && principal.SessionID == "" {
		return domain.Session{}, false, nil
	}
	if err != nil {
		return domain.Session{}, false, err
	}
	session, err = s.deps.Sessions.Get(ctx, principal.SessionID)
	if errors.Is(err, domain.ErrSessionNotFound) {
		return domain.Session{}, false, nil
	}
	return session, err == nil, err
}

// BackChannelLogout ends the sessions that a provider's logout token names (OpenID Connect Back-Channel Logout 1.0). A
// refused or repeated token is domain.ErrLogoutToken; an unknown provider is fault.ErrNotFound.
func (s *Service) BackChannelLogout(ctx context.Context, by domain.Principal, id domain.DirectoryID,
	token string,
) error {
	d, _ := s.deps.Directories.Get(id)
	provider, ok := d.(ports.ProviderSessions)
	if !ok {
		return fault.ErrNotFound
	}
	logout, err := provider.CheckLogoutToken(ctx, token)
	if err != nil {
		return err
	}
	// The token ID is stored first, so that only one of two equal tokens works, and removed again if the work failed,
	// so that the provider's retry succeeds.
	key := storeKey(kindJTI, string(id)+"\n"+logout.TokenID)
	err = s.deps.SingleUse.Put(ctx, key, []byte{1}, s.now().Add(replayLife))
	if errors.Is(err, fault.ErrConflict) {
		return domain.ErrLogoutToken.Because(errors.New("the token was used before"))
	}
	if err == nil {
		err = s.endAll(ctx, by, logout)
	}
	if err != nil {
		_, removed := s.deps.SingleUse.Consume(context.WithoutCancel(ctx), key, s.now())
		if errors.Is(removed, fault.ErrNotFound) {
			removed = nil
		}
		return errors.Join(err, removed)
	}
	return nil
}

func (s *Service) endAll(ctx context.Context, by domain.Principal, logout domain.ProviderLogout) error {
	if err := s.markEnded(ctx, logout); err != nil {
		return err
	}
	sessions, err := s.deps.Sessions.ListByProvider(ctx, logout.Directory, logout.Subject, logout.ProviderSession)
	if err != nil {
		return err
	}
	system := domain.System()
	system.Origin = by.Origin
	for _, session := range sessions {
		if err := s.deps.Auth.EndByProvider(ctx, system, session, "provider_logout"); err != nil {
			return err
		}
	}
	return nil
}

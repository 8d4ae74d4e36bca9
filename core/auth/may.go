package auth

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// MayList returns the error with which List would refuse the principal. It changes nothing.
func (s *Service) MayList(ctx context.Context, by domain.Principal, id domain.UserID) error {
	_, err := s.manageable(ctx, by, id)
	return err
}

// MayRevokeAll returns the error with which RevokeAll would refuse the principal. It changes nothing.
func (s *Service) MayRevokeAll(ctx context.Context, by domain.Principal, id domain.UserID) error {
	if _, err := s.manageable(ctx, by, id); err != nil {
		return err
	}
	return s.mayEnd(ctx, by, id)
}

// MayRevoke returns the error with which Revoke would refuse the principal. It changes nothing.
func (s *Service) MayRevoke(ctx context.Context, by domain.Principal, id domain.SessionID) error {
	_, err := s.revocable(ctx, by, id)
	return err
}

// MayLogout returns the error with which Logout would refuse the bearer token. It changes nothing.
func (s *Service) MayLogout(ctx context.Context, by domain.Principal, bearer string) error {
	_, err := s.sessionOfBearer(ctx, by, bearer)
	return err
}

// MayStepUp returns the error with which StepUp would refuse the principal for any input. It changes nothing.
func (s *Service) MayStepUp(by domain.Principal) error {
	if err := by.RequireSignedIn(); err != nil {
		return err
	}
	if by.Kind != domain.PrincipalUser || by.SessionID == "" {
		return domain.ErrReauthentication
	}
	return nil
}

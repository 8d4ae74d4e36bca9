package apikey

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// MayList returns the error with which List would refuse the principal. It changes nothing.
func (s *Service) MayList(ctx context.Context, by domain.Principal, owner domain.UserID) error {
	_, err := s.owner(ctx, by, owner)
	return err
}

// MayCreate returns the error with which Create would refuse the principal, for any permissions of the key. It changes
// nothing.
func (s *Service) MayCreate(ctx context.Context, by domain.Principal, owner domain.UserID) error {
	_, _, err := s.creatableOwner(ctx, by, owner)
	return err
}

// MayRevoke returns the error with which Revoke would refuse the principal. It changes nothing.
func (s *Service) MayRevoke(ctx context.Context, by domain.Principal, id domain.KeyID) error {
	if err := by.RequireSignedIn(); err != nil {
		return err
	}
	key, err := s.deps.Keys.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.checkRevoke(ctx, by, key.UserID)
}

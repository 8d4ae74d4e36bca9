package account

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// MayUpdate returns the error with which Update and the other changes of a user would refuse the principal, for any
// change. It changes nothing.
func (s *Service) MayUpdate(ctx context.Context, by domain.Principal, id domain.UserID) error {
	_, _, err := s.editable(ctx, by, id, &Patch{})
	return err
}

// MayChangePassword returns the error with which ChangePassword would refuse the principal. It changes nothing.
func (s *Service) MayChangePassword(ctx context.Context, by domain.Principal, id domain.UserID) error {
	_, err := s.ownUser(ctx, by, id)
	return err
}

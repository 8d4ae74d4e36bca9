package factor

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// MayEnroll returns the error with which Enroll and Activate would refuse the principal. It changes nothing.
func (s *Service) MayEnroll(ctx context.Context, by domain.Principal, id domain.UserID) error {
	_, err := s.own(ctx, by, id)
	return err
}

// MayDisable returns the error with which Disable would refuse the principal. It changes nothing.
func (s *Service) MayDisable(ctx context.Context, by domain.Principal, id domain.UserID) error {
	_, err := s.disablable(ctx, by, id)
	return err
}

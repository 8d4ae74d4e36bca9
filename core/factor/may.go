package factor

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// MayEnroll returns the refusal that Enroll and Activate have for the principal. It changes nothing.
func (s *Service) MayEnroll(ctx context.Context, by domain.Principal, id domain.UserID) error {
	_, err := s.own(ctx, by, id)
	return err
}

// MayDisable returns the refusal that Disable has for the principal. It changes nothing.
func (s *Service) MayDisable(ctx context.Context, by domain.Principal, id domain.UserID) error {
	_, err := s.disablable(ctx, by, id)
	return err
}

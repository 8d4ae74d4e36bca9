package apikey

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// MayList returns the refusal that List has for the principal. It changes nothing.
func (s *Service) MayList(ctx context.Context, by domain.Principal, owner domain.UserID) error {
	_, err := s.owner(ctx, by, owner)
	return err
}

// MayCreate returns the refusal that Create has for the principal, whatever the key is to do. It changes nothing.
func (s *Service) MayCreate(ctx context.Context, by domain.Principal, owner domain.UserID) error {
	_, err := s.maker(ctx, by, owner)
	return err
}

// MayRevoke returns the refusal that Revoke has for the principal. It changes nothing.
func (s *Service) MayRevoke(ctx context.Context, by domain.Principal, id domain.KeyID) error {
	if err := signedIn(by); err != nil {
		return err
	}
	key, err := s.keys.Get(ctx, id)
	if err != nil {
		return err
	}
	return s.checkRevoke(ctx, by, key.UserID)
}

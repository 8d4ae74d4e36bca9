package account

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

// ConfirmEmail verifies a changed email address with the token sent to it. The token works once; an invalid token is
// domain.ErrInvalidToken.
func (s *Service) ConfirmEmail(ctx context.Context, by domain.Principal, text string) (domain.User, error) {
	user, token, err := s.findToken(ctx, text)
	if errors.Is(err, domain.ErrInvalidToken) || err == nil && token.Purpose != domain.TokenEmail {
		return domain.User{}, s.badToken(ctx, by)
	}
	if err != nil {
		return domain.User{}, err
	}
	return s.deps.Users.Update(ctx, user.ID, func(u *domain.User, out *domain.Outbox) error {
		if _, ok := u.FindToken(token.Digest, s.deps.Clock.Now()); !ok {
			return domain.ErrInvalidToken
		}
		u.Tokens = slices.DeleteFunc(u.Tokens, func(t domain.UserToken) bool { return t.Purpose == domain.TokenEmail })
		u.EmailVerified = true
		u.UpdatedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserUpdate, string(u.ID), audit.ActedBy(u.ID),
			audit.Detail("fields", []string{"email_verified"})))
		return nil
	})
}

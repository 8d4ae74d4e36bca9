package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/core/usertoken"
	"github.com/ostiary/ostiary/ports"
)

// badTokens bounds how many wrong tokens one address may try.
var badTokens = domain.Rate{Limit: 60, Window: 10 * time.Minute}

// RequestReset asks for a mail with a link to set a new password. The answer and its work are the same whether there is such
// an address or not; a mail goes out only to the stored address of a user whose directory can set passwords, and a
// pending user gets their activation anew. Too many requests for one address are fault.ErrRateLimited, with the state in
// either case.
func (s *Service) RequestReset(ctx context.Context, by domain.Principal, email string) (domain.RateState, error) {
	email = strings.TrimSpace(email)
	if err := domain.CheckEmail(email); err != nil {
		return domain.RateState{}, err
	}
	key := s.deps.Folder.Fold(email)
	state, err := s.deps.Limits.Take(ctx, "reset:"+key, s.deps.ResetRate, s.deps.Clock.Now())
	if err != nil {
		return state, err
	}
	if !state.Allowed {
		return state, fault.ErrRateLimited.Over(state.Limit, state.Reset)
	}
	user, err := s.deps.Users.FindByLogin(ctx, key)
	if err == nil && user.EmailKey == key && s.canReset(&user) {
		return state, s.sendReset(ctx, by, user.ID)
	}
	if err != nil && !errors.Is(err, domain.ErrUserNotFound) {
		return state, err
	}
	return state, s.deps.Journal.Write(ctx, s.deps.Journal.Entry(by, domain.ActionPasswordResetRequest, "", audit.Failed("no_such_address")))
}

// canReset reports whether a reset would do the user any good.
func (s *Service) canReset(user *domain.User) bool {
	d, ok := s.deps.Directories.Get(user.Directory)
	if !ok || user.Status == domain.StatusDeactivated {
		return false
	}
	if _, ok := d.(ports.CredentialKeeper); ok {
		return true
	}
	_, ok = d.(ports.PasswordSetter)
	return ok
}

func (s *Service) sendReset(ctx context.Context, by domain.Principal, id domain.UserID) error {
	now := s.deps.Clock.Now().UTC()
	text, token, err := usertoken.New(id, domain.TokenReset, now.Add(usertoken.ResetFor))
	if err != nil {
		return err
	}
	_, err = s.deps.Users.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		out.Record(s.deps.Journal.Entry(by, domain.ActionPasswordResetRequest, string(u.ID), audit.ActedBy(u.ID)))
		if u.Status == domain.StatusPending {
			return s.deps.Composer.Invite(u, out)
		}
		messages, err := s.deps.Composer.PasswordReset(*u, text, token.ExpiresAt)
		if err != nil {
			return err
		}
		u.AddToken(token, now)
		out.Send(messages...)
		return nil
	})
	return err
}

var errDeactivated = fault.New(fault.Conflict, "conflict", "The user is deactivated")

// ResetLink makes a one-time link token for an operator to hand on, instead of a mail. It takes users.manage.
func (s *Service) ResetLink(ctx context.Context, by domain.Principal, id domain.UserID) (string, time.Time, error) {
	_, user, err := s.target(ctx, by, id)
	if err != nil {
		return "", time.Time{}, err
	}
	if user.Status == domain.StatusDeactivated {
		return "", time.Time{}, errDeactivated
	}
	if !s.canReset(&user) {
		return "", time.Time{}, domain.ErrPasswordManagedExternally
	}
	purpose := domain.TokenReset
	if user.Status == domain.StatusPending {
		purpose = domain.TokenLink
	}
	now := s.deps.Clock.Now().UTC()
	text, token, err := usertoken.New(id, purpose, now.Add(usertoken.ResetFor))
	if err != nil {
		return "", time.Time{}, err
	}
	_, err = s.deps.Users.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		u.AddToken(token, now)
		out.Record(s.deps.Journal.Entry(by, domain.ActionPasswordResetRequest, string(u.ID), audit.Detail("method", "link")))
		return nil
	})
	return text, token.ExpiresAt, err
}

// Reset sets a new password by a token of a reset mail, an activation mail or an expired password. The token works once, also
// under a race; one that does not is domain.ErrInvalidToken. A refused new password is domain.ErrPasswordPolicy and does
// not use the token up. All sessions end; a second factor stays. Activation also activates the user and, since the token came
// by mail, verifies the address.
func (s *Service) Reset(ctx context.Context, by domain.Principal, text, next string) error {
	user, token, digest, err := s.findToken(ctx, text)
	if errors.Is(err, domain.ErrInvalidToken) || err == nil && !setsPassword(token.Purpose) {
		return s.badToken(ctx, by)
	}
	if err != nil {
		return err
	}
	if next == "" || len(next) > domain.MaxPasswordBytes {
		return fault.ErrInvalid.About("new_password", "must be 1 to 1024 bytes")
	}
	d, err := s.directoryOf(&user)
	if err != nil {
		return err
	}
	r := &reset{service: s, by: by, user: user, token: token, digest: digest}
	if keeper, ok := d.(ports.CredentialKeeper); ok {
		err = r.kept(ctx, keeper, next)
	} else if setter, ok := d.(ports.PasswordSetter); ok {
		err = r.set(ctx, setter, next)
	} else {
		err = domain.ErrPasswordManagedExternally
	}
	if err != nil {
		return err
	}
	_, err = s.lockout.Unlock(ctx, lockout.AccountOf(user.ID))
	return err
}

func setsPassword(p domain.TokenPurpose) bool {
	return slices.Contains([]domain.TokenPurpose{domain.TokenActivation, domain.TokenReset, domain.TokenChange, domain.TokenLink}, p)
}

func (s *Service) findToken(ctx context.Context, text string) (domain.User, domain.UserToken, []byte, error) {
	id, digest, err := usertoken.Parse(text)
	if err != nil {
		return domain.User{}, domain.UserToken{}, nil, err
	}
	user, err := s.deps.Users.Get(ctx, id)
	if errors.Is(err, domain.ErrUserNotFound) {
		return domain.User{}, domain.UserToken{}, nil, domain.ErrInvalidToken
	}
	if err != nil {
		return domain.User{}, domain.UserToken{}, nil, err
	}
	token, ok := user.FindToken(digest, s.deps.Clock.Now())
	if !ok {
		return domain.User{}, domain.UserToken{}, nil, domain.ErrInvalidToken
	}
	return user, token, digest, nil
}

// badToken answers a wrong token, and slows down who tries many.
func (s *Service) badToken(ctx context.Context, by domain.Principal) error {
	state, err := s.deps.Limits.Take(ctx, "bad_token:"+by.Origin.Network(), badTokens, s.deps.Clock.Now())
	if err != nil {
		return err
	}
	if !state.Allowed {
		return fault.ErrRateLimited.Over(state.Limit, state.Reset)
	}
	return domain.ErrInvalidToken
}

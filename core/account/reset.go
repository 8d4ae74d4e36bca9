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
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/ports"
)

// badTokens limits the wrong tokens from one source network.
var badTokens = domain.Rate{Limit: 60, Window: 10 * time.Minute}

// RequestReset requests an email with a link to set a new password. The response and the work are the same whether the
// email exists or not. An email is sent only to the stored address of a user whose directory can set passwords; a
// pending user gets a new activation email. Too many requests for one address, or from one source network, are
// fault.ErrRateLimited. The returned state is that of the limit with fewer requests remaining.
func (s *Service) RequestReset(ctx context.Context, by domain.Principal, email string) (domain.RateState, error) {
	email = strings.TrimSpace(email)
	if err := domain.CheckEmail(email); err != nil {
		return domain.RateState{}, err
	}
	key := s.deps.CaseFolder.Fold(email)
	state, err := s.takeReset(ctx, by, key)
	if err != nil {
		return state, err
	}
	user, err := s.deps.Users.FindByEmail(ctx, key)
	if err == nil && s.canReset(&user) {
		return state, s.sendReset(ctx, by, user.ID)
	}
	if err != nil && !errors.Is(err, domain.ErrUserNotFound) {
		return state, err
	}
	return state, s.refuseReset(ctx, by)
}

// takeReset counts a request against the limit of its source network and then against that of its address, so that a
// flood from one network leaves no data, not even counts.
func (s *Service) takeReset(ctx context.Context, by domain.Principal, key string) (domain.RateState, error) {
	now := s.deps.Clock.Now()
	var source domain.RateState
	if !s.deps.Exempt.Contains(by.Origin) {
		var err error
		source, err = ports.Take(ctx, s.deps.Limits, "reset_source:"+by.Origin.Network(), s.deps.ResetSourceRate, now)
		if err != nil {
			return source, err
		}
	}
	state, err := ports.Take(ctx, s.deps.Limits, "reset:"+key, s.deps.ResetRate, now)
	if err != nil {
		return state, err
	}
	return state.Tighter(source), nil
}

// refuseReset records a request for an address that cannot be reset. Repeated requests from one source share one audit
// entry. It builds an email and writes as much as sendReset: otherwise the response would be faster than that for a
// user, and reveal that there is none.
func (s *Service) refuseReset(ctx context.Context, by domain.Principal) error {
	now := s.deps.Clock.Now().UTC()
	text, token := opaquetoken.ForUser(domain.UserID(s.deps.IDs.NewID(domain.UserPrefix)), domain.TokenReset, now)
	decoy, err := s.deps.Emails.Decoy(text, token.ExpiresAt)
	if err != nil {
		return err
	}
	return s.deps.AuditAccess.Refused(by, domain.ActionPasswordResetRequest, "no_such_address",
		func(entry *domain.AuditEntry) error {
			return s.deps.Decoys.WriteDecoy(ctx, entry, decoy, decoy.ExpiresAt)
		})
}

// canReset reports whether the user's password can be reset.
func (s *Service) canReset(user *domain.User) bool {
	return user.Status != domain.StatusDeactivated && s.deps.Directories.SetsPasswords(user.Directory)
}

func (s *Service) sendReset(ctx context.Context, by domain.Principal, id domain.UserID) error {
	now := s.deps.Clock.Now().UTC()
	text, token := opaquetoken.ForUser(id, domain.TokenReset, now)
	_, err := s.deps.Users.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionPasswordResetRequest, string(u.ID), audit.ActedBy(u.ID)))
		if u.Status == domain.StatusPending {
			return s.deps.Emails.Invite(u, out)
		}
		messages, err := s.deps.Emails.PasswordReset(*u, text, token.ExpiresAt)
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

// ResetLink returns a single-use link token for an operator to hand over, instead of an email. It requires
// users.manage.
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
	text, token := opaquetoken.ForUser(id, purpose, now)
	_, err = s.deps.Users.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		u.AddToken(token, now)
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionPasswordResetRequest, string(u.ID),
			audit.Detail("method", "link")))
		return nil
	})
	return text, token.ExpiresAt, err
}

// Reset sets a new password with the token of a reset email, an activation email or an expired password. The token
// works once, also under concurrent use; an invalid token is domain.ErrInvalidToken. A refused new password is
// domain.ErrPasswordPolicy and does not consume the token. All sessions end; a second factor stays. Activation also
// activates the user and, if the token was sent by email, verifies the address.
func (s *Service) Reset(ctx context.Context, by domain.Principal, text, next string) error {
	user, token, err := s.findToken(ctx, text)
	if errors.Is(err, domain.ErrInvalidToken) || err == nil && !setsPassword(token.Purpose) {
		return s.badToken(ctx, by)
	}
	if err != nil {
		return err
	}
	if err := domain.Limits.PasswordInput.CheckBytes("new_password", next); err != nil {
		return err
	}
	d, err := s.directoryOf(&user)
	if err != nil {
		return err
	}
	r := &reset{service: s, by: by, user: user, token: token}
	if local, ok := d.(ports.LocalPasswordStore); ok {
		err = r.setLocal(ctx, local, next)
	} else if setter, ok := d.(ports.PasswordSetter); ok {
		err = r.set(ctx, setter, next)
	} else {
		err = domain.ErrPasswordManagedExternally
	}
	if err != nil {
		return err
	}
	return s.lockout.Unlock(ctx, lockout.AccountOf(user.ID))
}

func setsPassword(p domain.TokenPurpose) bool {
	return slices.Contains([]domain.TokenPurpose{
		domain.TokenActivation, domain.TokenReset, domain.TokenChange,
		domain.TokenLink,
	}, p)
}

// findToken returns the user with a live token, and its record. Any other text is domain.ErrInvalidToken.
func (s *Service) findToken(ctx context.Context, text string) (user domain.User, token domain.UserToken, err error) {
	id, ok := opaquetoken.Parse[domain.UserID](opaquetoken.UserToken, text)
	if !ok {
		return user, token, domain.ErrInvalidToken
	}
	user, err = s.deps.Users.Get(ctx, id)
	if errors.Is(err, domain.ErrUserNotFound) {
		return user, token, domain.ErrInvalidToken
	}
	if err != nil {
		return user, token, err
	}
	if token, ok = user.FindToken(opaquetoken.Digest(text), s.deps.Clock.Now()); !ok {
		return user, token, domain.ErrInvalidToken
	}
	return user, token, nil
}

// badToken returns the error for a wrong token, and limits further attempts of its source network.
func (s *Service) badToken(ctx context.Context, by domain.Principal) error {
	_, err := ports.Take(ctx, s.deps.Limits, "bad_token:"+by.Origin.Network(), badTokens, s.deps.Clock.Now())
	if err != nil {
		return err
	}
	return domain.ErrInvalidToken
}

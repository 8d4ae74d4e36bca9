package auth

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// requireChange answers a login with a correct password that must be replaced. The error carries a single-use token for
// the change, unless the user's directory does not let this service set passwords.
func (s *Service) requireChange(ctx context.Context, a *attempt, check verdict) error {
	if !s.deps.Directories.SetsPasswords(check.user.Directory) {
		if err := s.deps.AuditWriter.Write(ctx, s.failed(a, "password_expired")); err != nil {
			return errors.Join(err, a.reservation.Release(ctx))
		}
		if err := a.reservation.Succeed(ctx, nil); err != nil {
			return err
		}
		return domain.ErrPasswordExpired
	}
	text, token := opaquetoken.ForUser(check.user.ID, domain.TokenChange, s.deps.Clock.Now().UTC())
	_, err := s.deps.Users.Update(ctx, check.user.ID, func(u *domain.User, out *domain.Outbox) error {
		b := sessionRequest{checked: check.credential}
		if err := b.apply(u, u.LastLogin); err != nil {
			return err
		}
		u.AddToken(token, s.deps.Clock.Now())
		out.Record(s.failed(a, "password_expired"))
		return nil
	})
	if errors.Is(err, errStale) {
		return s.refuse(ctx, a, "changed_meanwhile")
	}
	if err != nil {
		return errors.Join(err, a.reservation.Release(ctx))
	}
	if err := a.reservation.Succeed(ctx, nil); err != nil {
		return err
	}
	return domain.ErrPasswordExpired.With("change_token", text)
}

// ended returns the audit entry of an ended session.
func (s *Service) ended(by domain.Principal, action domain.Action, session *domain.Session,
	options ...audit.Option,
) domain.AuditEntry {
	options = append(options, audit.Detail("session_id", string(session.ID)))
	return s.deps.AuditWriter.Entry(by, action, string(session.UserID), options...)
}

package account

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/password"
	"github.com/ostiary/ostiary/ports"
)

// reset is one use of a token that sets a password.
type reset struct {
	service *Service
	by      domain.Principal
	user    domain.User
	token   domain.UserToken
}

// setLocal sets a password whose credential is stored with the user. Token, password, sessions, audit entry and email
// are one write.
func (r *reset) setLocal(ctx context.Context, local ports.LocalPasswordStore, next string) error {
	catalog, err := r.service.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	credential, err := r.service.newCredential(ctx, local, catalog,
		password.New{Field: "new_password", Text: next, User: &r.user})
	if err != nil {
		return err
	}
	return r.use(ctx, credential)
}

// set makes the directory set the password. It consumes the token first, so that only one of two concurrent uses sets
// it, and restores the token if the directory refuses.
func (r *reset) set(ctx context.Context, setter ports.PasswordSetter, next string) error {
	if err := r.checkAddress(ctx, setter); err != nil {
		return err
	}
	if err := r.use(ctx, nil); err != nil {
		return err
	}
	refused := setter.SetPassword(ctx, r.user.Subject, next, false)
	if refused == nil {
		return nil
	}
	_, err := r.service.deps.Users.Update(context.WithoutCancel(ctx), r.user.ID,
		func(u *domain.User, _ *domain.Outbox) error {
			if r.token.Purpose != domain.TokenChange && u.EmailKey != r.user.EmailKey {
				return domain.ErrUnchanged // the address that the link was sent to is no longer the user's
			}
			u.AddToken(r.token, r.service.deps.Clock.Now())
			return nil
		})
	return errors.Join(refused, err)
}

// checkAddress updates the user from the directory, which invalidates a link that was sent to an address that is no
// longer the user's: the address may be another person's by now.
func (r *reset) checkAddress(ctx context.Context, setter ports.PasswordSetter) error {
	lookup, ok := setter.(ports.Lookup)
	if !ok || r.token.Purpose == domain.TokenChange {
		return nil
	}
	identity, err := lookup.Find(ctx, r.user.Subject)
	if errors.Is(err, domain.ErrSubjectNotFound) {
		return domain.ErrInvalidToken.Because(err)
	}
	if err != nil {
		return err
	}
	user, err := r.service.deps.Provisioner.Refresh(ctx, domain.System(), r.user, identity)
	if _, ok := user.FindToken(r.token.Digest, r.service.deps.Clock.Now()); err == nil && !ok {
		return domain.ErrInvalidToken
	}
	return err
}

// use consumes the token and applies all changes of the reset.
func (r *reset) use(ctx context.Context, credential *domain.PasswordCredential) error {
	s := r.service
	notices, err := r.notice()
	if err != nil {
		return err
	}
	_, err = s.deps.Access.UpdateUser(ctx, r.user.ID, func(u *domain.User, out *domain.Outbox) error {
		if _, ok := u.FindToken(r.token.Digest, s.deps.Clock.Now()); !ok || credential != nil &&
			!sameCredential(u.Password, r.user.Password) {
			return domain.ErrInvalidToken
		}
		u.Tokens = slices.DeleteFunc(u.Tokens, func(t domain.UserToken) bool { return setsPassword(t.Purpose) })
		if credential != nil {
			u.Password = credential
		}
		action := r.apply(u)
		ended := u.EndSessionsExcept("")
		u.UpdatedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(r.by, action, string(u.ID), audit.ActedBy(u.ID),
			audit.Detail("sessions_ended", len(ended))))
		out.Send(notices...)
		return nil
	})
	return err
}

// apply makes the changes of the token's purpose and returns the corresponding audit action.
func (r *reset) apply(u *domain.User) domain.Action {
	switch r.token.Purpose {
	case domain.TokenActivation, domain.TokenLink:
		u.EmailVerified = u.EmailVerified || r.token.Purpose == domain.TokenActivation
		if u.Status == domain.StatusPending {
			u.Status = domain.StatusActive
			return domain.ActionUserActivate
		}
		return domain.ActionPasswordReset
	case domain.TokenChange:
		return domain.ActionPasswordChange
	default:
		return domain.ActionPasswordReset
	}
}

// notice returns the notification of the change. An activation needs none.
func (r *reset) notice() ([]domain.Message, error) {
	if r.user.Status == domain.StatusPending {
		return nil, nil
	}
	by := r.by
	by.Kind, by.UserID = domain.PrincipalUser, r.user.ID
	return r.service.deps.Emails.PasswordChanged(r.user, by)
}

package account

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/core/password"
	"github.com/ostiary/ostiary/ports"
)

// errPasswordChanged means that another request changed the password in the meantime.
var errPasswordChanged = errors.New("the password changed concurrently")

// PasswordChange is the input of ChangePassword.
type PasswordChange struct {
	Current string
	Next    string
}

// ChangePassword replaces the principal's own password in their directory. A wrong current password is
// domain.ErrCurrentPassword and counts towards the lockout; a refused new one is domain.ErrPasswordPolicy with the
// reasons; a directory whose passwords this service cannot change is domain.ErrPasswordManagedExternally. All other
// sessions end.
func (s *Service) ChangePassword(ctx context.Context, by domain.Principal, id domain.UserID, in PasswordChange) error {
	user, err := s.ownUser(ctx, by, id)
	if err != nil {
		return err
	}
	if err := checkPasswordInput(in); err != nil {
		return err
	}
	d, err := s.directoryOf(&user)
	if err != nil {
		return err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	attempt, err := s.lockout.Reserve(ctx, lockout.AccountOf(id), by.Origin.Network(), catalog.Settings.Lockout)
	if err != nil {
		return err
	}
	credential, err := s.replace(ctx, d, catalog, &user, in)
	switch {
	case errors.Is(err, domain.ErrCurrentPassword):
		failed := s.deps.AuditWriter.Entry(by, domain.ActionPasswordChangeFailed, string(by.UserID),
			audit.Failed("wrong_current_password"))
		return s.wrongPassword(ctx, by, attempt, failed, err)
	case err != nil:
		return errors.Join(err, attempt.Release(ctx))
	}
	if err := attempt.Succeed(ctx, nil); err != nil {
		return err
	}
	return s.storePassword(ctx, by, &user, credential, domain.ActionPasswordChange)
}

// ownUser returns the principal's own user, in a session. An API key cannot change the password, which gives access to
// everything.
func (s *Service) ownUser(ctx context.Context, by domain.Principal, id domain.UserID) (domain.User, error) {
	if err := by.RequireSignedIn(); err != nil {
		return domain.User{}, err
	}
	if by.IsSelf(id) {
		return s.deps.Users.Get(ctx, id)
	}
	if by.BelongsTo(id) || by.Can(domain.UsersRead) {
		if _, err := s.deps.Users.Get(ctx, id); err != nil {
			return domain.User{}, err
		}
		return domain.User{}, fault.ErrForbidden
	}
	return domain.User{}, domain.ErrUserNotFound
}

func checkPasswordInput(in PasswordChange) error {
	refused := domain.Limits.PasswordInput.Bytes(fault.ErrInvalid, "current_password", in.Current)
	return domain.Refusal(domain.Limits.PasswordInput.Bytes(refused, "new_password", in.Next))
}

// replace makes the directory verify the current password and set the new one. It returns the new credential if the
// caller must store it, and nil if the directory has stored it.
func (s *Service) replace(ctx context.Context, d ports.Directory, catalog *domain.Catalog, user *domain.User,
	in PasswordChange,
) (*domain.PasswordCredential, error) {
	if local, ok := d.(ports.LocalPasswordStore); ok {
		if err := s.checkPassword(ctx, user, in.Current); err != nil {
			return nil, err
		}
		return s.newCredential(ctx, local, catalog, password.New{Field: "new_password", Text: in.Next, User: user})
	}
	if changer, ok := d.(ports.PasswordChanger); ok {
		return nil, changer.ChangePassword(ctx, user.Subject, in.Current, in.Next)
	}
	return nil, domain.ErrPasswordManagedExternally
}

// wrongPassword counts a wrong password with its audit entry, and returns the cause.
func (s *Service) wrongPassword(ctx context.Context, by domain.Principal, attempt *lockout.Attempt,
	failed domain.AuditEntry, cause error,
) error {
	lock := func(out *domain.Outbox) {
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionAccountLocked, failed.Target))
	}
	if err := attempt.Fail(ctx, lock, failed); err != nil {
		return err
	}
	return cause
}

// SetPassword sets a user's password without the current one. It requires users.manage and the permission to act on the
// user, ends all their sessions and notifies them by email.
func (s *Service) SetPassword(ctx context.Context, by domain.Principal, id domain.UserID, next string) error {
	catalog, user, err := s.target(ctx, by, id)
	if err != nil {
		return err
	}
	return s.set(ctx, by, catalog, &user, next)
}

// ReplacePassword is SetPassword for another user than oneself or the owner of the API key, with a recent proof of
// identity if the settings demand one. If in.Current is not empty, it must be right, and a wrong one counts as in
// ProvePassword.
func (s *Service) ReplacePassword(ctx context.Context, by domain.Principal, id domain.UserID, in PasswordChange) error {
	catalog, user, err := s.target(ctx, by, id)
	if err != nil {
		return err
	}
	if by.BelongsTo(id) {
		return fault.ErrForbidden // ChangePassword demands the current password, which gives a key more than it holds
	}
	if err := s.checkRecent(catalog, by); err != nil {
		return err
	}
	if in.Current != "" {
		if err := s.ProvePassword(ctx, by, &user, in.Current); err != nil {
			return err
		}
	}
	return s.set(ctx, by, catalog, &user, in.Next)
}

func (s *Service) set(ctx context.Context, by domain.Principal, catalog *domain.Catalog, user *domain.User,
	next string,
) error {
	d, err := s.directoryOf(user)
	if err != nil {
		return err
	}
	if local, ok := d.(ports.LocalPasswordStore); ok {
		credential, err := s.newCredential(ctx, local, catalog, password.New{Field: "new_password", Text: next, User: user})
		if err != nil {
			return err
		}
		return s.storePassword(ctx, by, user, credential, domain.ActionPasswordReset)
	}
	setter, ok := d.(ports.PasswordSetter)
	if !ok {
		return domain.ErrPasswordManagedExternally
	}
	if err := setter.SetPassword(ctx, user.Subject, next, false); err != nil {
		return err
	}
	return s.storePassword(ctx, by, user, nil, domain.ActionPasswordReset)
}

// storePassword stores the effects of a changed password: the credential if it is stored here, the end of the sessions
// (except the principal's own), the audit entry and the notification email.
func (s *Service) storePassword(ctx context.Context, by domain.Principal, checked *domain.User,
	credential *domain.PasswordCredential, action domain.Action,
) error {
	notices, err := s.deps.Emails.PasswordChanged(*checked, by)
	if err != nil {
		return err
	}
	_, err = s.deps.Access.UpdateUser(ctx, checked.ID, func(u *domain.User, out *domain.Outbox) error {
		if credential != nil {
			if !sameCredential(u.Password, checked.Password) {
				return fault.ErrConflict.Because(errPasswordChanged)
			}
			u.Password = credential
		}
		if u.Status == domain.StatusPending {
			u.Status = domain.StatusActive
		}
		u.UpdatedAt = s.deps.Clock.Now().UTC()
		u.DropTokens(domain.TokenReset, domain.TokenChange, domain.TokenActivation, domain.TokenLink)
		ended := u.EndSessionsExcept(by.SessionID)
		out.Record(s.deps.AuditWriter.Entry(by, action, string(u.ID), audit.Detail("sessions_ended", len(ended))))
		out.Send(notices...)
		return nil
	})
	return err
}

func sameCredential(a, b *domain.PasswordCredential) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Hash == b.Hash
}

// ResetOwn sets the principal's own password in their directory without requiring the current one. It is for
// installations whose operator allows this to clients of the Users API that do not send the current password.
func (s *Service) ResetOwn(ctx context.Context, by domain.Principal, next string) error {
	user, err := s.ownUser(ctx, by, by.UserID)
	if err != nil {
		return err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	return s.set(ctx, by, catalog, &user, next)
}

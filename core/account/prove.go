package account

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/ports"
)

// ProvePassword verifies the password of an authenticated user in their directory and counts failures as a login does.
// A wrong password is domain.ErrCurrentPassword; too many are domain.ErrAccountLocked.
func (s *Service) ProvePassword(ctx context.Context, by domain.Principal, user *domain.User, password string) error {
	if err := domain.Limits.PasswordInput.CheckBytes("password", password); err != nil {
		return err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	attempt, err := s.lockout.Reserve(ctx, lockout.AccountOf(user.ID), by.Origin.Network(), catalog.Settings.Lockout)
	if err != nil {
		return err
	}
	err = s.checkPassword(ctx, user, password)
	switch {
	case err == nil:
		return attempt.Succeed(ctx, nil)
	case !errors.Is(err, domain.ErrCurrentPassword):
		return errors.Join(err, attempt.Release(ctx))
	}
	failed := s.deps.AuditWriter.Entry(by, domain.ActionLoginFailed, string(user.ID), audit.Failed("wrong_password"),
		audit.Detail("method", "reauthentication"))
	return s.wrongPassword(ctx, by, attempt, failed, err)
}

// checkPassword verifies the password. A wrong password is domain.ErrCurrentPassword.
func (s *Service) checkPassword(ctx context.Context, user *domain.User, password string) error {
	d, err := s.directoryOf(user)
	if err != nil {
		return err
	}
	var outcome domain.Outcome
	switch d := d.(type) {
	case ports.LocalPasswordStore:
		outcome, _, err = d.CheckCredential(ctx, user.Password, password)
	case ports.PasswordVerifier:
		var check domain.PasswordCheck
		check, err = d.VerifySubject(ctx, user.Subject, password)
		outcome = check.Outcome
	default:
		return domain.ErrPasswordManagedExternally
	}
	if err == nil && outcome != domain.OutcomeOK {
		return domain.ErrCurrentPassword
	}
	return err
}

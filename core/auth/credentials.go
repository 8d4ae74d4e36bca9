package auth

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// CheckCredentials reports whether a login would succeed, without starting a session. It counts as a login in every
// respect: limits, lockout and audit entry. It returns false where Login would return fault.ErrUnauthorized or
// domain.ErrPasswordExpired, and for a name, password or code that is empty or too long; a limit, a lock or an outage
// is an error.
func (s *Service) CheckCredentials(ctx context.Context, by domain.Principal, in LoginInput) (bool, domain.RateState,
	error,
) {
	check := s.checkOnly
	if checkLoginInput(in) != nil {
		check = s.refuseImpossible
	}
	rate, err := s.limiter.around(ctx, by.Origin, func() error { return check(ctx, by, in) })
	switch f := fault.Of(err); {
	case err == nil:
		return true, rate, nil
	case f.Kind == fault.Unauthenticated, errors.Is(err, domain.ErrPasswordExpired):
		return false, rate, nil
	}
	return false, rate, err
}

// refuseImpossible records an attempt with a name, password or code that no user can have. It reserves no attempt and
// counts against no account.
func (s *Service) refuseImpossible(ctx context.Context, by domain.Principal, in LoginInput) error {
	reason := "impossible_credentials"
	if in.Name == "" || in.Password == "" {
		reason = "empty_credentials"
	}
	err := s.deps.AuditWriter.Write(ctx, s.deps.AuditWriter.Entry(by, domain.ActionLoginFailed, "", audit.Failed(reason),
		audit.Detail("method", "password")))
	if err != nil {
		return err
	}
	return fault.ErrUnauthorized
}

func (s *Service) checkOnly(ctx context.Context, by domain.Principal, in LoginInput) error {
	a, check, err := s.admit(ctx, by, in)
	if err != nil {
		return err
	}
	if check.mustChange(a.catalog.Settings.Password, s.deps.Clock.Now()) {
		return errors.Join(domain.ErrPasswordExpired, a.reservation.Release(ctx, s.failed(a, "password_expired")))
	}
	if err := a.reservation.Succeed(ctx, nil); err != nil {
		return err
	}
	return s.deps.AuditWriter.Write(ctx, s.deps.AuditWriter.Entry(by, domain.ActionLogin, string(check.user.ID),
		audit.ActedBy(check.user.ID),
		audit.Detail("method", "password"), audit.Detail("session", "none")))
}

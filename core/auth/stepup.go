package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/ports"
)

// stepUpRate limits the step-ups of one user, and with them their audit entries.
var stepUpRate = domain.Rate{Limit: 30, Window: time.Minute}

// StepUpInput is a fresh proof of identity by the user of a session: one of its fields, or none to learn which one is
// required. A passkey will be a third.
type StepUpInput struct {
	Password string
	Code     string // of the second factor
}

// SteppedUp is a session whose authentication time was renewed.
type SteppedUp struct {
	SessionID domain.SessionID
	AuthTime  time.Time
}

// ErrAtProvider is the domain.ErrReauthentication for a user who must reauthenticate at the provider.
var ErrAtProvider = domain.ErrReauthentication.Saying("Sign in again at your provider")

var (
	errCodeRequired     = domain.ErrReauthentication.Saying("Send a code of your second factor")
	errPasswordRequired = domain.ErrReauthentication.Saying("Send your password").With("methods", []string{"password"})
)

// StepUp renews the authentication time of the principal's session after a fresh proof. A user with a second factor
// must prove it; a password does not suffice, and makes StepUp send the code if the method needs that. A user of a
// provider gets ErrAtProvider. Any other user proves the password in their directory. A missing proof is
// domain.ErrReauthentication with the accepted methods, and so is a principal without a session. A wrong proof is
// domain.ErrCurrentPassword or domain.ErrTwoFactorCode and counts as an attempt; too many are domain.ErrAccountLocked.
// Each proof is recorded in the audit log.
func (s *Service) StepUp(ctx context.Context, by domain.Principal, in StepUpInput) (SteppedUp, error) {
	user, err := s.stepUpUser(ctx, by)
	if err != nil {
		return SteppedUp{}, err
	}
	if err := checkStepUp(in); err != nil {
		return SteppedUp{}, err
	}
	d, _ := s.deps.Directories.Get(user.Directory)
	_, atProvider := d.(ports.RedirectLogin)
	switch {
	case user.Factor.IsOn() && in.Code != "":
		return s.stepUpByCode(ctx, by, &user, in.Code)
	case user.Factor.IsOn():
		return SteppedUp{}, s.missingProof(ctx, by, in, s.requireCode(ctx, &user))
	case atProvider:
		return SteppedUp{}, s.missingProof(ctx, by, in, ErrAtProvider.With("provider", string(user.Directory)))
	case in.Password == "":
		return SteppedUp{}, s.missingProof(ctx, by, in, errPasswordRequired)
	}
	return s.stepUpByPassword(ctx, by, user, in.Password)
}

// stepUpUser returns the active user of the principal's session and counts one step-up.
func (s *Service) stepUpUser(ctx context.Context, by domain.Principal) (domain.User, error) {
	if err := s.MayStepUp(by); err != nil {
		return domain.User{}, err
	}
	_, err := ports.Take(ctx, s.deps.Limits, "step_up:"+string(by.UserID), stepUpRate, s.deps.Clock.Now())
	if err != nil {
		return domain.User{}, err
	}
	user, err := s.deps.Users.Get(ctx, by.UserID)
	if errors.Is(err, domain.ErrUserNotFound) || err == nil && user.Status != domain.StatusActive {
		return domain.User{}, fault.ErrUnauthorized // deactivated or purged since the request was authenticated
	}
	return user, err
}

func checkStepUp(in StepUpInput) error {
	switch {
	case in.Password != "" && in.Code != "":
		return fault.ErrInvalid.About("password", "cannot be combined with two_factor_code")
	case len(in.Password) > domain.Limits.PasswordInput.Max:
		return fault.ErrInvalid.About("password", fmt.Sprintf("must be at most %d bytes", domain.Limits.PasswordInput.Max))
	}
	return domain.Limits.TwoFactorCode.CheckBytes("two_factor_code", in.Code)
}

// requireCode sends a code if the method needs that, and returns the error that names the methods.
func (s *Service) requireCode(ctx context.Context, user *domain.User) error {
	err := s.deps.Factor.Challenge(ctx, user)
	if errors.Is(err, domain.ErrTwoFactorRequired) {
		return errCodeRequired.With("methods", fault.Of(err).Extra()["methods"])
	}
	return err
}

// missingProof refuses a step-up without the required proof. It records a proof of another kind; a request without any
// proof is only a query.
func (s *Service) missingProof(ctx context.Context, by domain.Principal, in StepUpInput, failure error) error {
	if in == (StepUpInput{}) {
		return failure
	}
	return s.refuseStepUp(ctx, by, fault.Of(failure).Code, failure)
}

// refuseStepUp records a failed step-up and returns the failure.
func (s *Service) refuseStepUp(ctx context.Context, by domain.Principal, reason string, failure error) error {
	if err := s.deps.AuditWriter.Write(ctx, s.stepUpFailed(by, reason)); err != nil {
		return err
	}
	return failure
}

func (s *Service) stepUpFailed(by domain.Principal, reason string) domain.AuditEntry {
	return s.deps.AuditWriter.Entry(by, domain.ActionStepUp, string(by.UserID), audit.Failed(reason),
		audit.Detail("session_id", string(by.SessionID)))
}

func (s *Service) stepUpByCode(ctx context.Context, by domain.Principal, user *domain.User, code string) (SteppedUp,
	error,
) {
	method, err := s.deps.Factor.Verify(ctx, by, user, code)
	if err != nil {
		reason := fault.Of(err).Code
		if errors.Is(err, domain.ErrTwoFactorLogin) {
			err = domain.ErrTwoFactorCode // the session continues, so the error must not end it
		}
		return SteppedUp{}, s.refuseStepUp(ctx, by, reason, err)
	}
	return s.renew(ctx, by, s.deps.Clock.Now(), string(method), secondMethods(method))
}

// stepUpByPassword verifies the password as a login does: it reserves the attempt first, and the user's directory
// decides.
func (s *Service) stepUpByPassword(ctx context.Context, by domain.Principal, user domain.User,
	password string,
) (SteppedUp, error) {
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return SteppedUp{}, err
	}
	reservation, err := s.lockout.Reserve(ctx, lockout.AccountOf(user.ID), by.Origin.Network(), catalog.Settings.Lockout)
	if errors.Is(err, domain.ErrAccountLocked) {
		return SteppedUp{}, s.refuseStepUp(ctx, by, "locked", err)
	}
	if err != nil {
		return SteppedUp{}, err
	}
	if err := s.provePassword(ctx, by, user, password, reservation); err != nil {
		return SteppedUp{}, err
	}
	renewed, err := s.renew(ctx, by, s.deps.Clock.Now(), "password", []string{"pwd"})
	if err != nil {
		return SteppedUp{}, errors.Join(err, reservation.Release(ctx))
	}
	return renewed, reservation.Succeed(ctx, nil)
}

// provePassword returns nil for the correct password. Otherwise the attempt has ended and is recorded.
func (s *Service) provePassword(ctx context.Context, by domain.Principal, user domain.User, password string,
	reservation *lockout.Attempt,
) error {
	check, err := s.verifyKnown(ctx, user, password)
	switch {
	case err != nil:
		return errors.Join(err, reservation.Release(ctx, s.stepUpFailed(by, fault.Of(err).Code)))
	case check.Outcome == domain.OutcomeOK:
		return nil
	case check.Outcome == domain.OutcomeMustChange, check.Outcome == domain.OutcomeExpired:
		return errors.Join(domain.ErrPasswordExpired, reservation.Release(ctx, s.stepUpFailed(by, "password_expired")))
	case check.Outcome == domain.OutcomeLocked:
		failure := lockout.Locked(check.LockedUntil, s.deps.Clock.Now())
		return errors.Join(failure, reservation.Release(ctx, s.stepUpFailed(by, "locked_by_directory")))
	}
	lock := func(out *domain.Outbox) {
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionAccountLocked, string(user.ID)))
	}
	if err := reservation.Fail(ctx, lock, s.stepUpFailed(by, check.Outcome.String())); err != nil {
		return err
	}
	return domain.ErrCurrentPassword
}

// RenewByProvider renews the authentication time of the principal's session after a new login at the provider. The
// login must be by the user of the session; otherwise RenewByProvider returns domain.ErrReauthentication. The time is
// the provider's.
func (s *Service) RenewByProvider(ctx context.Context, by domain.Principal, in ProviderLogin) (SteppedUp, error) {
	user, err := s.stepUpUser(ctx, by)
	if err != nil {
		return SteppedUp{}, err
	}
	if user.ID != in.UserID || user.Directory != in.Directory || user.Subject != in.Subject || in.AuthTime.IsZero() {
		return SteppedUp{}, s.refuseStepUp(ctx, by, "another_person", ErrAtProvider)
	}
	if user.Factor.IsOn() && !in.SecondFactor {
		return SteppedUp{}, s.refuseStepUp(ctx, by, "two_factor_required", s.requireCode(ctx, &user))
	}
	return s.renew(ctx, by, in.AuthTime, "oidc", in.methods(""))
}

// renew stores the authentication time in the session, in one write with the audit entry. The time never decreases.
func (s *Service) renew(ctx context.Context, by domain.Principal, at time.Time, method string,
	methods []string,
) (SteppedUp, error) {
	at = at.UTC()
	if now := s.deps.Clock.Now().UTC(); at.After(now) {
		at = now
	}
	session, err := s.deps.Sessions.Update(ctx, by.SessionID, func(x *domain.Session, out *domain.Outbox) error {
		if x.UserID != by.UserID {
			return domain.ErrSessionNotFound
		}
		if at.After(x.AuthTime) {
			x.AuthTime = at
		}
		for _, m := range methods {
			if !slices.Contains(x.Methods, m) {
				x.Methods = append(x.Methods, m)
			}
		}
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionStepUp, string(by.UserID),
			audit.Detail("session_id", string(x.ID)), audit.Detail("method", method)))
		return nil
	})
	if errors.Is(err, domain.ErrSessionNotFound) {
		return SteppedUp{}, fault.ErrUnauthorized
	}
	return SteppedUp{SessionID: session.ID, AuthTime: session.AuthTime}, err
}

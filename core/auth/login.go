package auth

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/lockout"
)

// LoginInput is the input of a login. Name is a username or an email address.
type LoginInput struct {
	Name     string
	Password string
	Code     string // of the second factor
	Remember bool
	Kind     domain.SessionKind // default domain.SessionLogin
}

// SignedIn is a started or refreshed session with its tokens.
type SignedIn struct {
	User    domain.User
	Session domain.Session
	Tokens  Tokens
	Scope   domain.Scope // domain.ScopeEnrollment allows nothing but setting up a second factor
	Rate    domain.RateState
}

// Login verifies the credentials and starts a session. A wrong password, an unknown user and a user who may not log in
// are the same fault.ErrUnauthorized to the client, after the same work; the audit log records the difference. Other
// errors are domain.ErrAccountLocked, domain.ErrTwoFactorRequired, domain.ErrTwoFactorLogin, domain.ErrPasswordExpired
// with a change_token, domain.ErrDirectoryUnavailable (which never counts as a failure) and fault.ErrRateLimited. Rate
// is set in the result of each of them.
func (s *Service) Login(ctx context.Context, by domain.Principal, in LoginInput) (SignedIn, error) {
	if err := checkLoginInput(in); err != nil {
		return SignedIn{}, err
	}
	var signedIn SignedIn
	rate, err := s.limiter.around(ctx, by.Origin, func() (err error) {
		signedIn, err = s.login(ctx, by, in)
		return err
	})
	signedIn.Rate = rate
	return signedIn, err
}

func checkLoginInput(in LoginInput) error {
	refused := fault.ErrInvalid
	refused = domain.Limits.LoginName.Bytes(refused, "username", in.Name)
	refused = domain.Limits.PasswordInput.Bytes(refused, "password", in.Password)
	return domain.Refusal(domain.Limits.TwoFactorCode.Bytes(refused, "two_factor_code", in.Code))
}

// attempt is the state of one login.
type attempt struct {
	by          domain.Principal
	in          LoginInput
	catalog     *domain.Catalog
	subject     subject // the user that the name identifies, or an unknown name
	lookup      domain.LoginSnapshot
	reservation *lockout.Attempt
}

func (s *Service) login(ctx context.Context, by domain.Principal, in LoginInput) (SignedIn, error) {
	a, check, err := s.admit(ctx, by, in)
	if err != nil {
		return SignedIn{}, err
	}
	if check.mustChange(a.catalog.Settings.Password, s.deps.Clock.Now()) {
		return SignedIn{}, s.requireChange(ctx, a, check)
	}
	signedIn, err := s.start(ctx, by, a.catalog, sessionRequest{
		user: check.user, kind: in.Kind, remember: in.Remember, checked: check.credential, newHash: check.newHash,
		methods: check.methods(check.second), detail: audit.Detail("method", "password"), lookup: &a.lookup,
	})
	if errors.Is(err, errStale) {
		return SignedIn{}, s.refuse(ctx, a, "changed_meanwhile")
	}
	if err != nil {
		return SignedIn{}, errors.Join(err, a.reservation.Release(ctx))
	}
	return signedIn, a.reservation.Succeed(ctx, s.suspect(a, &check.user))
}

// suspiciousAfter is the number of failures after which a successful login is reported to the user: more than typing
// errors that a user would not notice.
const suspiciousAfter = 3

// suspect emails the user about a login after several failures, since an attacker may have guessed the password.
func (s *Service) suspect(a *attempt, user *domain.User) func(failures int, out *domain.Outbox) error {
	return func(failures int, out *domain.Outbox) error {
		if failures < suspiciousAfter {
			return nil
		}
		messages, err := s.deps.Emails.SignInAfterFailures(*user, a.by.Origin)
		out.Send(messages...)
		return err
	}
}

// admit performs the steps of a login up to the session. If it returns an error, the attempt has ended and is recorded;
// otherwise the caller must end the attempt.
func (s *Service) admit(ctx context.Context, by domain.Principal, in LoginInput) (*attempt, verdict, error) {
	a := &attempt{by: by, in: in}
	if err := s.find(ctx, a); err != nil {
		return nil, verdict{}, err
	}
	var err error
	if a.reservation, err = s.lockout.Reserve(ctx, a.subject.account, by.Origin.Network(),
		a.catalog.Settings.Lockout); err != nil {
		return nil, verdict{}, s.notReserved(ctx, a, err)
	}
	check, err := s.verify(ctx, a)
	if err == nil {
		err = s.padRefusal(ctx, a, &check)
	}
	if err != nil {
		return nil, verdict{}, s.releaseUnavailable(ctx, a, err)
	}
	if err := s.judge(ctx, a, check); err != nil {
		return nil, verdict{}, err
	}
	check.second, err = s.secondFactor(ctx, a, check)
	return a, check, err
}

// notReserved records a login that was refused before any check.
func (s *Service) notReserved(ctx context.Context, a *attempt, err error) error {
	if !errors.Is(err, domain.ErrAccountLocked) {
		return err
	}
	if written := s.deps.AuditWriter.Write(ctx, s.failed(a, "locked")); written != nil {
		return written
	}
	return err
}

// releaseUnavailable releases the attempt: an outage does not count as a failure.
func (s *Service) releaseUnavailable(ctx context.Context, a *attempt, err error) error {
	if recorded := a.reservation.Release(ctx, s.failed(a, fault.Of(err).Code)); recorded != nil {
		return recorded
	}
	return err
}

// judge returns nil if the password was correct and the user may log in, and otherwise the refusal, which it has
// recorded.
func (s *Service) judge(ctx context.Context, a *attempt, check verdict) error {
	if check.unprovisioned != nil {
		return s.refuse(ctx, a, "not_provisioned", directory.CauseOf(check.unprovisioned))
	}
	switch check.Outcome {
	case domain.OutcomeOK, domain.OutcomeMustChange, domain.OutcomeExpired:
	case domain.OutcomeLocked:
		if err := a.reservation.Release(ctx, s.failed(a, "locked_by_directory")); err != nil {
			return err
		}
		return lockout.Locked(check.LockedUntil, s.deps.Clock.Now())
	default:
		return s.refuse(ctx, a, check.Outcome.String())
	}
	if check.user.Status != domain.StatusActive {
		return s.refuse(ctx, a, string(check.user.Status))
	}
	return nil
}

// refuse counts a failure and returns the same error as for an unknown name.
func (s *Service) refuse(ctx context.Context, a *attempt, reason string, more ...audit.Option) error {
	lock := func(out *domain.Outbox) {
		out.Record(s.deps.AuditWriter.Entry(a.by, domain.ActionAccountLocked, string(a.subject.user.ID),
			audit.ActedBy(a.subject.user.ID)))
	}
	err := a.reservation.Fail(ctx, lock, s.failed(a, reason, more...))
	if err != nil {
		return err
	}
	return fault.ErrUnauthorized
}

func (s *Service) failed(a *attempt, reason string, more ...audit.Option) domain.AuditEntry {
	options := append([]audit.Option{
		audit.ActedBy(a.subject.user.ID), audit.Failed(reason), audit.Detail("method", "password"),
		audit.Personal("username", printable(a.subject.known(), a.in.Name)),
	}, more...)
	return s.deps.AuditWriter.Entry(a.by, domain.ActionLoginFailed, string(a.subject.user.ID), options...)
}

// printable returns the typed name if it belongs to a user, and otherwise "": users sometimes type their password into
// the name field.
func printable(known bool, name string) string {
	if !known {
		return ""
	}
	return name
}

// secondFactor requires and verifies the code of a user who has a second factor, and returns the method. It skips users
// whose directory's own second factor counts. The password was correct, so the result does not count as a password
// failure.
func (s *Service) secondFactor(ctx context.Context, a *attempt, check verdict) (domain.Method, error) {
	if !check.user.Factor.IsOn() || check.Identity.SecondFactor {
		return "", nil
	}
	if a.in.Code == "" {
		challenge := s.deps.Factor.Challenge(ctx, &check.user)
		if err := a.reservation.Release(ctx, s.failed(a, fault.Of(challenge).Code)); err != nil {
			return "", err
		}
		return "", challenge
	}
	method, err := s.deps.Factor.Verify(ctx, a.by, &check.user, a.in.Code)
	if err == nil {
		return method, nil
	}
	entry := s.failed(a, fault.Of(err).Code)
	entry.Action = domain.ActionTwoFactorFailed
	if recorded := a.reservation.Release(ctx, entry); recorded != nil {
		return "", recorded
	}
	return "", err
}

package factor

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

const (
	// freshFor is how long after a login a user may change their factor without another proof, unless the settings
	// define a shorter time.
	freshFor = 10 * time.Minute
	// enrollmentLife and enrollmentTries limit a pending enrollment.
	enrollmentLife  = 10 * time.Minute
	enrollmentTries = 5
)

// smsRate limits the messages that one user can cause to numbers of their choice.
var smsRate = domain.Rate{Limit: 5, Window: time.Hour}

// Service enrolls, activates and disables second factors.
type Service struct {
	checker  *Checker
	password PasswordProof
}

// PasswordProof verifies the password of an authenticated user, and counts failures like those of a login. A wrong
// password is domain.ErrCurrentPassword.
type PasswordProof interface {
	ProvePassword(ctx context.Context, by domain.Principal, user *domain.User, password string) error
}

// New returns a Service that checks codes with checker.
func New(checker *Checker, password PasswordProof) *Service {
	return &Service{checker: checker, password: password}
}

// Proof is a fresh proof of identity: the password, or a code of the active factor. Empty fields are no proof.
type Proof struct {
	Password string
	Code     string
}

// EnrollInput is the input of Enroll. Method defaults to totp; PhoneNumber is for sms only.
type EnrollInput struct {
	Method      domain.Method
	PhoneNumber string
	Proof       Proof
}

// Enrollment is displayed once and cannot be read again. It takes effect after Activate.
type Enrollment struct {
	Method      domain.Method
	Setup       domain.FactorSetup // of totp
	PhoneNumber string             // of sms
	BackupCodes []string
	ExpiresAt   time.Time
}

// Enroll starts the enrollment of the principal's own second factor. It requires a login within the last ten minutes or
// a proof (domain.ErrReauthentication). An active factor is domain.ErrTwoFactorOn. Enroll replaces an earlier pending
// enrollment.
func (s *Service) Enroll(ctx context.Context, by domain.Principal, id domain.UserID, in EnrollInput) (Enrollment,
	error,
) {
	user, err := s.own(ctx, by, id)
	if err != nil {
		return Enrollment{}, err
	}
	if in.Method == "" {
		in.Method = domain.MethodTOTP
	}
	if err := s.checkMethod(ctx, in); err != nil {
		return Enrollment{}, err
	}
	if user.Factor.IsOn() {
		return Enrollment{}, domain.ErrTwoFactorOn
	}
	if err := s.Reauthenticate(ctx, by, &user, in.Proof); err != nil {
		return Enrollment{}, err
	}
	if in.Method == domain.MethodSMS {
		if err := s.takeSMS(ctx, id); err != nil {
			return Enrollment{}, err
		}
	}
	return s.enroll(ctx, by, &user, in)
}

func (s *Service) enroll(ctx context.Context, by domain.Principal, user *domain.User, in EnrollInput) (Enrollment,
	error,
) {
	c := s.checker
	enrollment, pending, err := s.draft(user, in)
	if err != nil {
		return Enrollment{}, err
	}
	code, err := newSentCode()
	if err != nil {
		return Enrollment{}, err
	}
	_, err = c.deps.Users.Update(ctx, user.ID, func(u *domain.User, out *domain.Outbox) error {
		if u.Factor.IsOn() {
			return domain.ErrTwoFactorOn
		}
		next := pending
		if in.Method == domain.MethodSMS {
			if next.Challenge, err = c.dispatch(u, in.PhoneNumber, code, out); err != nil {
				return err
			}
		}
		u.Factor.Pending = &next
		out.Record(c.entry(by, domain.ActionTwoFactorEnroll, u.ID, in.Method))
		return nil
	})
	if err != nil {
		return Enrollment{}, err
	}
	return enrollment, nil
}

// draft creates the enrollment to display and the pending enrollment to store.
func (s *Service) draft(user *domain.User, in EnrollInput) (Enrollment, domain.Enrollment, error) {
	c := s.checker
	expires := c.deps.Clock.Now().UTC().Add(enrollmentLife)
	enrollment := Enrollment{Method: in.Method, PhoneNumber: in.PhoneNumber, ExpiresAt: expires}
	pending := domain.Enrollment{Method: in.Method, PhoneNumber: in.PhoneNumber, ExpiresAt: expires}
	enrollment.BackupCodes, pending.Backup = newBackupCodes()
	if in.Method != domain.MethodTOTP {
		return enrollment, pending, nil
	}
	secret, err := c.deps.Codes.NewSecret()
	if err != nil {
		return enrollment, pending, err
	}
	if enrollment.Setup, err = c.deps.Codes.Describe(secret, c.deps.Issuer, user.Username); err != nil {
		return enrollment, pending, err
	}
	pending.Secret, err = c.deps.Sealer.Seal(secret, SecretBinding(user.ID))
	return enrollment, pending, err
}

// Activate activates the enrolled factor with its first correct code. A wrong code, and any code for an enrollment that
// has expired or had five wrong codes, is domain.ErrTwoFactorCode.
func (s *Service) Activate(ctx context.Context, by domain.Principal, id domain.UserID, code string) error {
	user, err := s.own(ctx, by, id)
	if err != nil {
		return err
	}
	c, code := s.checker, normalize(code)
	var right bool
	_, err = c.deps.Users.Update(ctx, user.ID, func(u *domain.User, out *domain.Outbox) error {
		right = false
		pending := u.Factor.Pending
		if pending == nil || !c.deps.Clock.Now().Before(pending.ExpiresAt) || pending.Tries >= enrollmentTries {
			return domain.ErrTwoFactorCode
		}
		step, ok, err := c.proves(u.ID, pending, code)
		if err != nil {
			return err
		}
		if !ok {
			pending.Tries++
			out.Record(c.entry(by, domain.ActionTwoFactorFailed, u.ID, pending.Method, failedCode))
			return nil
		}
		right = true
		return c.activate(by, u, step, out)
	})
	if err == nil && !right {
		err = domain.ErrTwoFactorCode
	}
	return err
}

func (c *Checker) activate(by domain.Principal, u *domain.User, step int64, out *domain.Outbox) error {
	pending := u.Factor.Pending
	u.Factor = domain.Factor{
		Method: pending.Method, EnabledAt: c.deps.Clock.Now().UTC(), Secret: pending.Secret, LastStep: step,
		PhoneNumber: pending.PhoneNumber, Backup: pending.Backup,
	}
	messages, err := c.deps.Emails.TwoFactorEnabled(*u, by)
	if err != nil {
		return err
	}
	out.Send(messages...)
	out.Record(c.entry(by, domain.ActionTwoFactorEnable, u.ID, u.Factor.Method))
	return nil
}

// proves reports whether the code is correct for the enrollment, and returns the time step that it consumes.
func (c *Checker) proves(id domain.UserID, pending *domain.Enrollment, code string) (step int64, ok bool, err error) {
	if pending.Method == domain.MethodSMS {
		return 0, takeSent(&pending.Challenge, code, c.deps.Clock.Now()), nil
	}
	secret, err := c.deps.Sealer.Open(pending.Secret, SecretBinding(id))
	if err != nil {
		return 0, false, err
	}
	step, ok = c.deps.Codes.Match(secret, code, c.deps.Clock.Now())
	return step, ok, nil
}

// Disable disables the factor: one's own after a fresh login or with a proof, another user's with users.manage; that
// user is then notified who disabled it. While the role requires a factor it is domain.ErrTwoFactorNeeded, except for
// the operator on the command line, who can help a user who has lost all codes. Disabling an inactive factor has no
// effect.
func (s *Service) Disable(ctx context.Context, by domain.Principal, id domain.UserID, proof Proof) error {
	c := s.checker
	user, err := s.disablable(ctx, by, id)
	if err != nil {
		return err
	}
	catalog, err := c.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	if user.Factor.IsOn() && catalog.Settings.TwoFactor.Requires(user.Role) && by.Kind != domain.PrincipalCLI {
		return domain.ErrTwoFactorNeeded
	}
	if by.IsSelf(id) {
		err = s.Reauthenticate(ctx, by, &user, proof)
	} else {
		err = by.RequireRecent(catalog.Settings.Session, c.deps.Clock.Now())
	}
	if err != nil {
		return err
	}
	return s.disable(ctx, by, id)
}

func (s *Service) disable(ctx context.Context, by domain.Principal, id domain.UserID) error {
	c := s.checker
	_, err := c.deps.Users.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		if !u.Factor.IsOn() && u.Factor.Pending == nil {
			return domain.ErrUnchanged
		}
		method, wasOn := u.Factor.Method, u.Factor.IsOn()
		u.Factor = domain.Factor{}
		out.Record(c.entry(by, domain.ActionTwoFactorDisable, u.ID, method))
		if !wasOn {
			return nil
		}
		messages, err := c.deps.Emails.TwoFactorDisabled(*u, by)
		out.Send(messages...)
		return err
	})
	if err != nil {
		return err
	}
	return c.lockout.Unlock(ctx, AttemptsKey(id))
}

// Reauthenticate returns nil if the principal logged in or stepped up within the last ten minutes, or the minutes in
// the settings if fewer, or if the proof is correct. Otherwise it returns domain.ErrReauthentication,
// domain.ErrTwoFactorCode for a wrong code, or domain.ErrCurrentPassword for a wrong password. If the settings define
// the minutes, the password alone does not suffice for a user with a second factor, as in a step-up.
func (s *Service) Reauthenticate(ctx context.Context, by domain.Principal, user *domain.User, proof Proof) error {
	catalog, err := s.checker.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	within, strict := freshFor, catalog.Settings.Session.ReauthenticateMinutes > 0
	if strict { // the setting never extends the default
		within = min(within, catalog.Settings.Session.ReauthenticateWithin())
	}
	switch {
	case by.ProvedWithin(within, s.checker.deps.Clock.Now()):
		return nil
	case proof.Code != "" && user.Factor.IsOn():
		return s.checker.prove(ctx, by, user, proof.Code)
	case proof.Password != "" && (!strict || !user.Factor.IsOn()):
		return s.password.ProvePassword(ctx, by, user, proof.Password)
	}
	return domain.ErrReauthentication
}

// own returns the user if it is the principal in a session. An API key acts for its owner in most calls, but not in
// this one.
func (s *Service) own(ctx context.Context, by domain.Principal, id domain.UserID) (domain.User, error) {
	switch {
	case by.Kind == "" || by.Kind == domain.PrincipalAnonymous:
		return domain.User{}, fault.ErrUnauthorized
	case by.IsSelf(id):
		return s.checker.deps.Users.Get(ctx, id)
	case by.Scope != "":
		return domain.User{}, domain.ErrEnrollmentRequired
	}
	return domain.User{}, s.hidden(ctx, by, id)
}

// disablable returns the user if the principal is that user or may manage it.
func (s *Service) disablable(ctx context.Context, by domain.Principal, id domain.UserID) (domain.User, error) {
	if err := by.RequireSignedIn(); err != nil {
		return domain.User{}, err
	}
	if by.IsSelf(id) {
		return s.checker.deps.Users.Get(ctx, id)
	}
	if !by.Can(domain.UsersManage) || by.BelongsTo(id) { // an API key must not disable the factor that protects its owner
		return domain.User{}, s.hidden(ctx, by, id)
	}
	user, err := s.checker.deps.Users.Get(ctx, id)
	if err != nil {
		return domain.User{}, err
	}
	catalog, err := s.checker.deps.Catalog.Catalog(ctx)
	if err != nil {
		return domain.User{}, err
	}
	return user, access.CheckActOn(catalog, by, &user)
}

// hidden returns the error for a principal that may not act on the user: not found, unless the principal may read the
// user.
func (s *Service) hidden(ctx context.Context, by domain.Principal, id domain.UserID) error {
	if !by.BelongsTo(id) && !by.Can(domain.UsersRead) {
		return domain.ErrUserNotFound
	}
	if _, err := s.checker.deps.Users.Get(ctx, id); err != nil {
		return err
	}
	return fault.ErrForbidden
}

package factor

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/ports"
)

// The lifetime and the maximum attempts of a code sent by SMS.
const (
	sentCodeLife  = 5 * time.Minute
	sentCodeTries = 5
	// resendAfter is how long no second code is sent, so that a client that asks twice causes one message.
	resendAfter = 30 * time.Second
)

// challengeRate limits the codes that the logins of one user send.
var challengeRate = domain.Rate{Limit: 10, Window: time.Hour}

// Checker sends and verifies codes. The login uses only this part of the package.
type Checker struct {
	deps    Deps
	lockout *lockout.Lockout
}

// Deps holds the dependencies of a Checker and a Service.
type Deps struct {
	Users       ports.UserStore
	Attempts    ports.AttemptStore
	Catalog     ports.CatalogView
	Codes       ports.OneTimeCodes
	Sealer      ports.Sealer
	IDs         ports.IDs
	Clock       ports.Clock
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	Limits      ports.RateLimiter
	// Issuer is the name of the service in authenticator apps.
	Issuer string
	// SMS reports whether a gateway is configured; without one the method sms is never offered.
	SMS bool
}

// NewChecker returns a Checker.
func NewChecker(d Deps) *Checker {
	return &Checker{deps: d, lockout: lockout.New(d.Attempts, d.IDs, d.Clock)}
}

// Methods returns the methods with which the user can prove the second factor, the enrolled method first.
func Methods(user *domain.User) []domain.Method {
	if !user.Factor.IsOn() {
		return nil
	}
	methods := []domain.Method{user.Factor.Method}
	if len(user.Factor.Backup.Hashes) > 0 {
		methods = append(methods, domain.MethodBackupCode)
	}
	return methods
}

// Challenge requests a code at a login whose password was correct. It sends a code if the method needs that, and
// returns domain.ErrTwoFactorRequired with the methods. Any other error means that the code could not be sent;
// fault.ErrRateLimited limits the messages that an attacker who knows the password can cause. A code that was sent
// before stays valid.
func (c *Checker) Challenge(ctx context.Context, user *domain.User) error {
	// Without a gateway, which may have been removed since the enrollment, the user can log in with a backup code.
	if user.Factor.Method == domain.MethodSMS && c.deps.SMS {
		if err := c.sendWithin(ctx, user); err != nil {
			return err
		}
	}
	return domain.ErrTwoFactorRequired.With("methods", Methods(user))
}

// Verify verifies a code of the user's second factor, consumes it and returns its method. A wrong, used or old code is
// domain.ErrTwoFactorLogin; too many of them are domain.ErrAccountLocked, with the end of the lock in locked_until.
// Verify records no audit entry for a failure, which the caller records, except account_locked if this failure locks.
// Calling it for a user without a second factor is a programming error.
func (c *Checker) Verify(ctx context.Context, by domain.Principal, user *domain.User, code string) (domain.Method,
	error,
) {
	if !user.Factor.IsOn() {
		return "", errNotEnrolled
	}
	catalog, err := c.deps.Catalog.Catalog(ctx)
	if err != nil {
		return "", err
	}
	attempt, err := c.lockout.Reserve(ctx, AttemptsKey(user.ID), source, catalog.Settings.Lockout)
	if err != nil {
		return "", err
	}
	method, err := c.consume(ctx, user, normalize(code))
	return method, c.settle(ctx, by, user, attempt, err)
}

// settle ends the attempt. An error other than a wrong code reveals nothing about the code, so it does not count.
func (c *Checker) settle(ctx context.Context, by domain.Principal, user *domain.User, attempt *lockout.Attempt,
	outcome error,
) error {
	var ended error
	switch {
	case outcome == nil:
		ended = attempt.Succeed(ctx, nil)
	case errors.Is(outcome, domain.ErrTwoFactorLogin):
		ended = c.fail(ctx, by, user, attempt)
	default:
		ended = attempt.Release(ctx)
	}
	if ended != nil {
		return ended
	}
	return outcome
}

// fail counts a wrong code. If it locks at a login, the user is notified, since someone has passed the first step.
func (c *Checker) fail(ctx context.Context, by domain.Principal, user *domain.User, attempt *lockout.Attempt) error {
	var messages []domain.Message
	if by.UserID == "" {
		var err error
		if messages, err = c.deps.Emails.PartialLogin(*user, by.Origin); err != nil {
			return err
		}
	}
	return attempt.Fail(ctx, func(out *domain.Outbox) {
		out.Record(c.deps.AuditWriter.Entry(by, domain.ActionAccountLocked, string(user.ID),
			audit.ActedBy(user.ID), audit.Detail("factor", string(user.Factor.Method))))
		out.Send(messages...)
	})
}

// source is the single source against which all codes of a user count: the code is the same from everywhere, and only a
// party that knows the password can try one.
const source = "factor"

// AttemptsKey returns the key of the attempt counts of a user's second factor.
func AttemptsKey(id domain.UserID) string { return "factor:" + string(id) }

var errNotEnrolled = errors.New("verifying a code of a user without a second factor")

// consume accepts the code in one write, so that only one of several concurrent uses succeeds.
func (c *Checker) consume(ctx context.Context, user *domain.User, code string) (domain.Method, error) {
	accept, err := c.match(user, code)
	if err != nil {
		return "", err
	}
	var method domain.Method
	_, err = c.deps.Users.Update(ctx, user.ID, func(u *domain.User, _ *domain.Outbox) error {
		var ok bool
		if method, ok = accept(u); !ok {
			return domain.ErrTwoFactorLogin
		}
		return nil
	})
	return method, err
}

// match performs the work that is too slow for a write transaction, and returns the function that decides inside it.
func (c *Checker) match(user *domain.User, code string) (accept func(*domain.User) (domain.Method, bool), err error) {
	now := c.deps.Clock.Now()
	switch {
	case isBackupCode(code):
		digest := hashBackupCode(user.Factor.Backup.Salt, code)
		return func(u *domain.User) (domain.Method, bool) {
			return domain.MethodBackupCode, takeBackupCode(&u.Factor.Backup, user.Factor.Backup.Salt, digest)
		}, nil
	case user.Factor.Method == domain.MethodSMS:
		return func(u *domain.User) (domain.Method, bool) {
			return domain.MethodSMS, takeSent(&u.Factor.Challenge, code, now)
		}, nil
	}
	secret, err := c.deps.Sealer.Open(user.Factor.Secret, SecretBinding(user.ID))
	if err != nil {
		return nil, err
	}
	step, ok := c.deps.Codes.Match(secret, code, now)
	if !ok {
		return nil, domain.ErrTwoFactorLogin
	}
	return func(u *domain.User) (domain.Method, bool) {
		if step <= u.Factor.LastStep || subtle.ConstantTimeCompare(u.Factor.Secret, user.Factor.Secret) != 1 {
			return domain.MethodTOTP, false
		}
		u.Factor.LastStep = step
		return domain.MethodTOTP, true
	}, nil
}

// sendWithin sends a code unless one was just sent, within challengeRate.
func (c *Checker) sendWithin(ctx context.Context, user *domain.User) error {
	if c.isOnItsWay(user.Factor.Challenge) {
		return nil
	}
	_, err := ports.Take(ctx, c.deps.Limits, "sms_login:"+string(user.ID), challengeRate, c.deps.Clock.Now())
	if err != nil {
		return err
	}
	return c.send(ctx, user.ID)
}

func (c *Checker) isOnItsWay(sent *domain.CodeChallenge) bool {
	return sent != nil && c.deps.Clock.Now().Before(sent.ExpiresAt.Add(resendAfter-sentCodeLife))
}

// send creates a code and queues it. Within resendAfter it keeps the code that was sent before.
func (c *Checker) send(ctx context.Context, id domain.UserID) error {
	_, err := c.deps.Users.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		if c.isOnItsWay(u.Factor.Challenge) {
			return domain.ErrUnchanged
		}
		code, err := newSentCode()
		if err != nil {
			return err
		}
		u.Factor.Challenge, err = c.dispatch(u, u.Factor.PhoneNumber, code, out)
		return err
	})
	return err
}

// dispatch queues the code and returns the challenge to store.
func (c *Checker) dispatch(u *domain.User, phone, code string, out *domain.Outbox) (*domain.CodeChallenge, error) {
	expires := c.deps.Clock.Now().UTC().Add(sentCodeLife)
	messages, err := c.deps.Emails.SMSCode(*u, phone, code, expires)
	if err != nil {
		return nil, err
	}
	out.Send(messages...)
	return &domain.CodeChallenge{Digest: opaquetoken.Digest(code), ExpiresAt: expires}, nil
}

// takeSent reports whether code is the one that was sent, and consumes it. The attempt counter of the user limits wrong
// codes.
func takeSent(challenge **domain.CodeChallenge, code string, now time.Time) bool {
	sent := *challenge
	if sent == nil || !now.Before(sent.ExpiresAt) || sent.Tries >= sentCodeTries ||
		!opaquetoken.Matches(sent.Digest, code) {
		return false
	}
	*challenge = nil
	return true
}

// SecretBinding returns the context that the secret of a user's TOTP codes is sealed with.
func SecretBinding(id domain.UserID) string { return "user/" + string(id) + "/factor" }

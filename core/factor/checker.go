package factor

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/ports"
)

// The life and tries of a code that was sent by SMS.
const (
	sentCodeLife  = 5 * time.Minute
	sentCodeTries = 5
	// resendAfter is how long the same sent code stays the only one: a client that asks twice causes one message.
	resendAfter = 30 * time.Second
)

// challengeRate bounds the codes that sign-ins of one person send.
var challengeRate = domain.Rate{Limit: 10, Window: time.Hour}

// Checker asks for codes and checks them. The login works with it alone.
type Checker struct {
	users   ports.UserStore
	lockout *lockout.Lockout
	catalog ports.CatalogView
	codes   ports.OneTimeCodes
	sealer  ports.Sealer
	clock   ports.Clock
	journal *audit.Journal
	letters *notify.Composer
	limits  ports.RateLimiter
	issuer  string
	sms     bool
}

// Needs is what a Checker and a Service work with.
type Needs struct {
	Users    ports.UserStore
	Attempts ports.AttemptStore
	Catalog  ports.CatalogView
	Codes    ports.OneTimeCodes
	Sealer   ports.Sealer
	IDs      ports.IDs
	Clock    ports.Clock
	Journal  *audit.Journal
	Letters  *notify.Composer
	Limits   ports.RateLimiter
	// Issuer is the name of the service in authenticator apps.
	Issuer string
	// SMS tells that a gateway is configured; without one the sms method is never offered.
	SMS bool
}

// NewChecker returns a Checker.
func NewChecker(n Needs) *Checker {
	return &Checker{
		users: n.Users, lockout: lockout.New(n.Attempts, n.IDs, n.Clock), catalog: n.Catalog, codes: n.Codes, sealer: n.Sealer,
		clock: n.Clock, journal: n.Journal, letters: n.Letters, limits: n.Limits, issuer: n.Issuer, sms: n.SMS,
	}
}

// Methods returns by what the user can prove their second factor, the enrolled method first.
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

// Challenge asks for a code at a login whose password was right: it sends one where the method needs that, and returns
// domain.ErrTwoFactorRequired with the methods. Any other error means that the code could not be sent, fault.ErrRateLimited
// that too many were: whoever knows the password must not be able to send messages for ever. A code on its way stays good.
func (c *Checker) Challenge(ctx context.Context, user *domain.User) error {
	// Without a gateway, which may be gone since, a backup code is the way in.
	if user.Factor.Method == domain.MethodSMS && c.sms {
		if err := c.sendWithin(ctx, user); err != nil {
			return err
		}
	}
	return domain.ErrTwoFactorRequired.With("methods", Methods(user))
}

// Verify checks a code of the user's second factor, burns it and returns the method that it was of. A wrong, used or old
// one is domain.ErrTwoFactorLogin; too many of them are domain.ErrAccountLocked, whose locked_until says until when no code
// is looked at. Verify writes no entry for a failure, which is part of the caller's own, but account_locked when this
// failure locked. A user without a second factor is a mistake of the caller.
func (c *Checker) Verify(ctx context.Context, by domain.Principal, user *domain.User, code string) (domain.Method, error) {
	if !user.Factor.IsOn() {
		return "", errNotEnrolled
	}
	catalog, err := c.catalog.Catalog(ctx)
	if err != nil {
		return "", err
	}
	guess, err := c.lockout.Reserve(ctx, AttemptsKey(user.ID), source, catalog.Settings.Lockout)
	if err != nil {
		return "", err
	}
	method, err := c.burn(ctx, user, normalize(code))
	return method, c.settle(ctx, by, user, guess, err)
}

// settle tells how the guess ended. Nothing was learnt from an error that is no wrong code, so that one does not count.
func (c *Checker) settle(ctx context.Context, by domain.Principal, user *domain.User, guess *lockout.Guess, outcome error) error {
	var told error
	switch {
	case outcome == nil:
		told = guess.Succeed(ctx)
	case errors.Is(outcome, domain.ErrTwoFactorLogin):
		told = c.fail(ctx, by, user, guess)
	default:
		told = guess.GiveBack(ctx)
	}
	if told != nil {
		return told
	}
	return outcome
}

// fail counts a wrong code. When it locks at a sign-in, the person is told: somebody has got past their first step.
func (c *Checker) fail(ctx context.Context, by domain.Principal, user *domain.User, guess *lockout.Guess) error {
	var letters []domain.Message
	if by.UserID == "" {
		var err error
		if letters, err = c.letters.PartialLogin(*user, by.Origin); err != nil {
			return err
		}
	}
	return guess.Fail(ctx, func(out *domain.Outbox) {
		out.Record(c.journal.Entry(by, domain.ActionAccountLocked, string(user.ID),
			audit.ActedBy(user.ID), audit.Detail("factor", string(user.Factor.Method))))
		out.Send(letters...)
	})
}

// source is the one source that all codes of a user count for: the six digits of a person are the same from wherever they
// are guessed, and only who knows the password gets this far.
const source = "factor"

// AttemptsKey returns the key under which the attempts of a user's second factor are counted.
func AttemptsKey(id domain.UserID) string { return "factor:" + string(id) }

var errNotEnrolled = errors.New("checking a code of a user without a second factor")

// burn accepts the code in one write, so that of N racing uses one wins.
func (c *Checker) burn(ctx context.Context, user *domain.User, code string) (domain.Method, error) {
	accept, err := c.match(user, code)
	if err != nil {
		return "", err
	}
	var method domain.Method
	_, err = c.users.Update(ctx, user.ID, func(u *domain.User, _ *domain.Outbox) error {
		var ok bool
		if method, ok = accept(u); !ok {
			return domain.ErrTwoFactorLogin
		}
		return nil
	})
	return method, err
}

// match does the work that is too slow for a write, and returns what decides inside it.
func (c *Checker) match(user *domain.User, code string) (accept func(*domain.User) (domain.Method, bool), err error) {
	now := c.clock.Now()
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
	secret, err := c.sealer.Open(user.Factor.Secret, SecretBinding(user.ID))
	if err != nil {
		return nil, err
	}
	step, ok := c.codes.Match(secret, code, now)
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

// sendWithin sends a code unless one was just sent, and not more often than the rate allows.
func (c *Checker) sendWithin(ctx context.Context, user *domain.User) error {
	if c.isOnItsWay(user.Factor.Challenge) {
		return nil
	}
	state, err := c.limits.Take(ctx, "sms_login:"+string(user.ID), challengeRate, c.clock.Now())
	if err != nil {
		return err
	}
	if !state.Allowed {
		return fault.ErrRateLimited.Over(state.Limit, state.Reset)
	}
	return c.send(ctx, user.ID)
}

func (c *Checker) isOnItsWay(sent *domain.CodeChallenge) bool {
	return sent != nil && c.clock.Now().Before(sent.ExpiresAt.Add(resendAfter-sentCodeLife))
}

// send makes a code and queues it. Within resendAfter the code that is on its way stays the one.
func (c *Checker) send(ctx context.Context, id domain.UserID) error {
	_, err := c.users.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
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

// dispatch puts the code on its way and returns what is kept of it.
func (c *Checker) dispatch(u *domain.User, phone, code string, out *domain.Outbox) (*domain.CodeChallenge, error) {
	expires := c.clock.Now().UTC().Add(sentCodeLife)
	messages, err := c.letters.SMSCode(*u, phone, code, expires)
	if err != nil {
		return nil, err
	}
	out.Send(messages...)
	return &domain.CodeChallenge{Digest: sentDigest(code), ExpiresAt: expires}, nil
}

// takeSent reports whether code is the one that was sent, and burns it. A wrong one uses a try up: the caller's write keeps
// that only when something else is accepted, so the count that holds is the one of attempts.
func takeSent(challenge **domain.CodeChallenge, code string, now time.Time) bool {
	sent := *challenge
	if sent == nil || !now.Before(sent.ExpiresAt) || sent.Tries >= sentCodeTries ||
		subtle.ConstantTimeCompare(sent.Digest, sentDigest(code)) != 1 {
		return false
	}
	*challenge = nil
	return true
}

func sentDigest(code string) []byte {
	digest := sha256.Sum256([]byte(code))
	return digest[:]
}

// SecretBinding is where the secret of a user's app codes lies sealed.
func SecretBinding(id domain.UserID) string { return "user/" + string(id) + "/factor" }

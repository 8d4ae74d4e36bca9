package directory

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/ports"
)

// tryLoginRate limits the passwords that a user tries, with all sessions and API keys, on all accounts.
var tryLoginRate = domain.Rate{Limit: 10, Window: time.Minute}

// TryLogin verifies one password in the directory and explains the outcome. It starts no session; a wrong password
// counts in the directory as any other. It requires directories.manage. The attempts of a principal other than the
// operator count toward the lockout as in a login: a locked account is domain.ErrAccountLocked, and its password is not
// verified. Too many attempts are fault.ErrRateLimited.
func (s *Service) TryLogin(ctx context.Context, by domain.Principal, id domain.DirectoryID,
	login ports.Login,
) (domain.CheckStep, error) {
	verifier, err := able[ports.PasswordVerifier](s, by, id, "verify passwords")
	if err != nil {
		return domain.CheckStep{}, err
	}
	attempt, err := s.reserve(ctx, by, id, login.Name)
	if err != nil {
		return domain.CheckStep{}, err
	}
	check, err := verifier.VerifyPassword(ctx, login)
	if err != nil {
		return domain.CheckStep{}, errors.Join(err, attempt.release(ctx))
	}
	entry := s.deps.AuditWriter.Entry(by, domain.ActionDataAccess, string(id),
		audit.Detail("tried_login", check.Outcome.String()),
		audit.Personal("username", login.Name))
	if err := s.end(ctx, by, attempt, check.Outcome, entry); err != nil {
		return domain.CheckStep{}, err
	}
	return tryStep(login, check), nil
}

// trial is an attempt to log in, which counts toward the lockout of an account unless the operator makes it.
type trial struct {
	*lockout.Attempt

	user domain.UserID // empty for an unknown name
}

func (t trial) release(ctx context.Context) error {
	if t.Attempt == nil {
		return nil
	}
	return t.Release(ctx)
}

// reserve reserves an attempt on the account that a login with the name counts against.
func (s *Service) reserve(ctx context.Context, by domain.Principal, id domain.DirectoryID, name string) (t trial,
	err error,
) {
	if by.Kind == domain.PrincipalCLI {
		return t, nil
	}
	_, err = ports.Take(ctx, s.deps.Limits, "directory_login:"+by.Actor(), tryLoginRate, s.deps.Clock.Now())
	if err != nil {
		return t, err
	}
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return t, err
	}
	key := s.deps.CaseFolder.Fold(strings.TrimSpace(name))
	account := lockout.AccountOfName(key)
	if t.user, err = s.userNamed(ctx, id, key); err != nil {
		return t, err
	}
	if t.user != "" {
		account = lockout.AccountOf(t.user)
	}
	t.Attempt, err = s.lockout.Reserve(ctx, account, by.Origin.Network(), catalog.Settings.Lockout)
	return t, err
}

// userNamed returns the user who logs in to the directory with the folded name, or "": with the name as it is, without
// the directory's suffix, or qualified with the directory.
func (s *Service) userNamed(ctx context.Context, id domain.DirectoryID, key string) (domain.UserID, error) {
	names := []string{key + "@" + string(id), key}
	if of, bare, ok := s.deps.Registry.SplitName(key); ok && of == id {
		names = append([]string{bare + "@" + string(id), bare}, names...)
	}
	for _, name := range names {
		user, err := s.deps.Users.FindByLogin(ctx, name)
		switch {
		case err == nil && user.Directory == id:
			return user.ID, nil
		case err != nil && !errors.Is(err, domain.ErrUserNotFound):
			return "", err
		}
	}
	return "", nil
}

// end ends the attempt with its audit entry. Only a wrong password counts; a right one resets nothing.
func (s *Service) end(ctx context.Context, by domain.Principal, attempt trial, outcome domain.Outcome,
	entry domain.AuditEntry,
) error {
	switch {
	case attempt.Attempt == nil:
		return s.deps.AuditWriter.Write(ctx, entry)
	case outcome != domain.OutcomeBadCredentials:
		return attempt.Release(ctx, entry)
	}
	lock := func(out *domain.Outbox) {
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionAccountLocked, string(attempt.user)))
	}
	return attempt.Fail(ctx, lock, entry)
}

func tryStep(login ports.Login, check domain.PasswordCheck) domain.CheckStep {
	step := domain.CheckStep{
		Name: "login " + login.Name, OK: check.Outcome == domain.OutcomeOK, Detail: check.Outcome.String(),
		Advice: outcomeAdvice[check.Outcome],
	}
	if check.Detail != "" {
		step.Detail += ": " + check.Detail
	}
	if !check.LockedUntil.IsZero() {
		step.Detail += ", until " + check.LockedUntil.UTC().Format(time.RFC3339)
	}
	return step
}

package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/ports"
)

// subject is what a typed name identifies: a user or an unknown name.
type subject struct {
	user    domain.User // zero for an unknown name
	account string      // attempt account, the same for every spelling
}

func (s subject) known() bool { return s.user.ID != "" }

// verdict is the result of verifying a password.
type verdict struct {
	domain.PasswordCheck
	user       domain.User
	credential *domain.PasswordCredential // the verified credential of the built-in directory
	newHash    string                     // replaces an outdated hash
	second     domain.Method              // the verified second factor; empty for none
	hashed     bool                       // the verification computed a password hash
	asked      time.Duration              // time that an external directory took
	// unprovisioned is the cause why an identity of the directory is not a user here; nil otherwise.
	unprovisioned error
}

// mustChange reports whether the password was correct and must be replaced first.
func (v verdict) mustChange(policy domain.PasswordPolicy, now time.Time) bool {
	if v.Outcome != domain.OutcomeOK {
		return true
	}
	return v.credential != nil && (v.credential.MustChange || policy.Expired(v.credential.ChangedAt, now))
}

func (v verdict) methods(second domain.Method) []string {
	others := slices.DeleteFunc(slices.Clone(v.Identity.Methods), func(m string) bool { return m == "pwd" })
	return slices.Concat([]string{"pwd"}, others, secondMethods(second))
}

// secondMethods returns the authentication methods (RFC 8176) of a second factor; none for an empty method.
func secondMethods(second domain.Method) []string {
	switch second {
	case "":
		return nil
	case domain.MethodSMS:
		return []string{"sms", "mfa"}
	default:
		return []string{"otp", "mfa"}
	}
}

// find looks up the user that the name identifies, with the catalog in force. A name with a directory's domain suffix
// also identifies that directory's user of the bare name, so that every spelling counts against one account. The number
// of lookups depends on the name alone.
func (s *Service) find(ctx context.Context, a *attempt) error {
	key := s.deps.CaseFolder.Fold(strings.TrimSpace(a.in.Name))
	var err error
	if a.lookup, err = s.deps.Logins.LookupLogin(ctx, key); err != nil {
		return err
	}
	if a.catalog, err = s.deps.Catalog.CatalogAt(ctx, a.lookup.Catalog); err != nil {
		return err
	}
	if id, bare, ok := s.deps.Directories.SplitName(key); ok {
		other, err := s.deps.Logins.LookupLogin(ctx, bare) // also for a known name, which would be faster otherwise
		if err != nil {
			return err
		}
		if a.lookup.User.ID == "" && other.User.ID != "" && other.User.Directory == id {
			a.lookup = other
		}
	}
	a.subject.user = a.lookup.User
	if a.subject.account = lockout.AccountOfName(key); a.subject.known() {
		a.subject.account = lockout.AccountOf(a.subject.user.ID)
	}
	return nil
}

// verify verifies the password in the user's own directory, or for an unknown name in the candidate directories.
func (s *Service) verify(ctx context.Context, a *attempt) (verdict, error) {
	if a.subject.known() {
		return s.verifyKnown(ctx, a.subject.user, a.in.Password)
	}
	candidates := s.deps.Directories.Candidates(strings.TrimSpace(a.in.Name))
	began, down := s.deps.Clock.Now(), error(nil)
	for _, d := range candidates {
		check, err := d.VerifyPassword(ctx, ports.Login{Name: strings.TrimSpace(a.in.Name), Password: a.in.Password})
		switch {
		case err != nil:
			down = errors.Join(down, err)
			continue
		case check.Outcome == domain.OutcomeBadCredentials:
			continue
		case check.Outcome == domain.OutcomeOK || check.Outcome == domain.OutcomeMustChange ||
			check.Outcome == domain.OutcomeExpired:
			return s.provision(ctx, a.by, d, check)
		}
		return verdict{PasswordCheck: check}, nil
	}
	if down != nil {
		return verdict{}, fault.Of(down)
	}
	if len(candidates) > 0 {
		s.directoryTimes.note(s.deps.Clock.Now().Sub(began))
	}
	return verdict{}, nil
}

// provision creates or updates the user of an identity that a directory has verified.
func (s *Service) provision(ctx context.Context, by domain.Principal, d ports.Directory,
	check domain.PasswordCheck,
) (verdict, error) {
	user, err := s.deps.Provisioner.Provision(ctx, by, check.Identity, d.JustInTime())
	if errors.Is(err, directory.ErrNotProvisioned) {
		return verdict{unprovisioned: err}, nil
	}
	return verdict{PasswordCheck: check, user: user}, err
}

func (s *Service) verifyKnown(ctx context.Context, user domain.User, password string) (verdict, error) {
	d, ok := s.deps.Directories.Get(user.Directory)
	if !ok {
		return verdict{user: user}, domain.ErrDirectoryUnavailable.Because(errors.New("directory is no longer configured"))
	}
	if local, ok := d.(ports.LocalPasswordStore); ok {
		return s.verifyLocal(ctx, local, user, password)
	}
	verifier, ok := d.(ports.PasswordVerifier)
	if !ok {
		return verdict{user: user}, nil
	}
	began := s.deps.Clock.Now()
	check, err := verifier.VerifySubject(ctx, user.Subject, password)
	if err != nil {
		return verdict{}, err
	}
	asked := s.deps.Clock.Now().Sub(began)
	if check.Outcome == domain.OutcomeOK && user.Status == domain.StatusActive {
		if user, err = s.deps.Provisioner.Refresh(ctx, domain.System(), user, check.Identity); err != nil {
			return verdict{}, err
		}
	}
	return verdict{PasswordCheck: check, user: user, asked: asked}, nil
}

// verifyLocal verifies a password whose credential is stored with the user, and computes the hash that replaces an
// outdated one.
func (s *Service) verifyLocal(ctx context.Context, local ports.LocalPasswordStore, user domain.User,
	password string,
) (verdict, error) {
	outcome, outdated, err := local.CheckCredential(ctx, user.Password, password)
	v := verdict{
		PasswordCheck: domain.PasswordCheck{Outcome: outcome}, user: user, credential: user.Password,
		hashed: true,
	}
	if err != nil || outcome != domain.OutcomeOK || !outdated || !v.admits() {
		return v, err
	}
	v.newHash, err = local.MakeHash(ctx, password)
	return v, err
}

// sameWork costs as much as verifying a built-in password, so that the response time reveals nothing.
func (s *Service) sameWork(ctx context.Context, password string) error {
	local, ok := s.deps.Directories.LocalPasswords()
	if !ok {
		return nil
	}
	_, _, err := local.CheckCredential(ctx, nil, password)
	return err
}

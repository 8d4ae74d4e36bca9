// Package keyrotation implements key rotation: it activates the next signing key of the access tokens, and re-encrypts
// sealed values in the store under the current key-encryption key, so that a former key can be retired, after a leak or
// routinely.
//
// Re-encryption runs concurrently with everything else, and can be interrupted and run again. It skips values that live
// only for days (queued messages, responses to idempotent requests, sign-ins in progress) and expire by themselves.
package keyrotation

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/ports"
)

// Deps holds the dependencies of the service.
type Deps struct {
	Users       ports.UserStore
	Sessions    ports.SessionStore
	Tokens      ports.AccessTokens
	Signer      *audit.Signer
	SigningKeys ports.SigningKeyStore
	Sealer      ports.Sealer
	Clock       ports.Clock
	AuditWriter *audit.Writer
}

// Service rotates signing keys and re-encrypts sealed values.
type Service struct{ deps Deps }

// New returns the service.
func New(d Deps) *Service { return &Service{deps: d} }

// Report counts the records with a value under a former key.
type Report struct {
	Users    int
	Sessions int
}

// SigningKeys returns the signing keys of the access tokens without their private parts. It requires system.keys.
func (s *Service) SigningKeys(ctx context.Context, by domain.Principal) ([]domain.SigningKey, error) {
	if err := by.Require(domain.SystemKeys); err != nil {
		return nil, err
	}
	keys, err := s.deps.SigningKeys.SigningKeys(ctx)
	for i := range keys {
		keys[i].Private = nil
	}
	return keys, err
}

// Rotate activates the next signing key and returns its ID. It requires system.keys. Tokens signed with an earlier key
// stay valid until they expire.
func (s *Service) Rotate(ctx context.Context, by domain.Principal) (string, error) {
	if err := by.Require(domain.SystemKeys); err != nil {
		return "", err
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionKeyRotate, "access_tokens", audit.Detail("use", "sig")))
	return s.deps.Tokens.Rotate(ctx, s.deps.Clock.Now(), out)
}

// Run re-encrypts every value under a former key and reports the number of users that are done. It requires
// system.keys. When it returns without an error, a former key is needed only for values that expire within seven days.
func (s *Service) Run(ctx context.Context, by domain.Principal, progress func(users int)) (Report, error) {
	if err := by.Require(domain.SystemKeys); err != nil {
		return Report{}, err
	}
	report, err := s.reencrypt(ctx, progress)
	options := []audit.Option{
		audit.Detail("use", "enc"), audit.Detail("users", report.Users), audit.Detail("sessions", report.Sessions),
	}
	if err != nil {
		options = append(options, audit.Failed("broken_off"))
	}
	entry := s.deps.AuditWriter.Entry(by, domain.ActionKeyRotate, "key_encryption_key", options...)
	return report, errors.Join(err, s.deps.AuditWriter.Write(context.WithoutCancel(ctx), entry))
}

func (s *Service) reencrypt(ctx context.Context, progress func(users int)) (Report, error) {
	if err := s.deps.Tokens.Reencrypt(ctx); err != nil {
		return Report{}, err
	}
	if _, err := s.deps.Signer.Reencrypt(ctx); err != nil {
		return Report{}, err
	}
	return s.allUsers(ctx, progress)
}

func (s *Service) allUsers(ctx context.Context, progress func(users int)) (Report, error) {
	var report Report
	done := 0
	page := domain.Page{Number: 1, Limit: domain.Limits.PageSize.Max}
	for {
		users, err := s.deps.Users.List(ctx, domain.UserQuery{Page: page, NoTotal: true})
		if err != nil {
			return report, err
		}
		for i := range users.Users {
			if err := s.user(ctx, users.Users[i].ID, &report); err != nil {
				return report, err
			}
		}
		done += len(users.Users)
		progress(done)
		if users.Next == nil {
			return report, nil
		}
		page.After = users.Next
	}
}

func (s *Service) user(ctx context.Context, id domain.UserID, report *Report) error {
	user, err := s.deps.Users.Get(ctx, id)
	if errors.Is(err, domain.ErrUserNotFound) {
		return nil // deleted since the page was read
	}
	if err != nil {
		return err
	}
	changed, err := s.reencryptUser(&user)
	if err != nil {
		return err
	}
	if changed {
		_, err := s.deps.Users.Update(ctx, id, func(u *domain.User,
			_ *domain.Outbox,
		) error {
			return unchanged(s.reencryptUser(u))
		})
		if err != nil {
			return err
		}
		report.Users++
	}
	for _, ref := range user.Sessions {
		if err := s.session(ctx, ref.ID, report); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) session(ctx context.Context, id domain.SessionID, report *Report) error {
	session, err := s.deps.Sessions.Get(ctx, id)
	if errors.Is(err, domain.ErrSessionNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	changed, err := s.reencryptSession(&session)
	if err != nil || !changed {
		return err
	}
	_, err = s.deps.Sessions.Update(ctx, id, func(x *domain.Session,
		_ *domain.Outbox,
	) error {
		return unchanged(s.reencryptSession(x))
	})
	if errors.Is(err, domain.ErrSessionNotFound) {
		return nil
	}
	if err == nil {
		report.Sessions++
	}
	return err
}

// unchanged returns the error of a change for the result of re-encryption.
func unchanged(changed bool, err error) error {
	if err == nil && !changed {
		return domain.ErrUnchanged
	}
	return err
}

func (s *Service) reencryptUser(u *domain.User) (bool, error) {
	binding := factor.SecretBinding(u.ID)
	fields := []sealed{{&u.Factor.Secret, binding}}
	if u.Factor.Pending != nil {
		fields = append(fields, sealed{&u.Factor.Pending.Secret, binding})
	}
	return s.reencryptFields(fields...)
}

func (s *Service) reencryptSession(x *domain.Session) (bool, error) {
	return s.reencryptFields(
		sealed{&x.Refresh.Key, auth.RefreshBinding(x.ID)},
		sealed{&x.Provider.Grant, auth.GrantBinding(x.ID)},
		sealed{&x.Provider.IDToken, auth.IDTokenBinding(x.ID)},
	)
}

// sealed is a sealed field with its binding.
type sealed struct {
	value   *[]byte
	binding string
}

func (s *Service) reencryptFields(fields ...sealed) (some bool, err error) {
	for _, field := range fields {
		if len(*field.value) == 0 {
			continue
		}
		value, changed, err := s.deps.Sealer.Rewrap(*field.value, field.binding)
		if err != nil {
			return false, err
		}
		*field.value, some = value, some || changed
	}
	return some, nil
}

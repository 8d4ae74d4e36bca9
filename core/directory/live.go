package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// CheckLive looks up each user with a live session in directories that support lookups. It ends the sessions of a user
// whose account no longer exists or is disabled in the directory; if it is disabled, the user's API keys end too. It
// updates the mapped attributes of all others. A directory that is unavailable is skipped until the next run, and its
// users' sessions continue.
func (s *Service) CheckLive(ctx context.Context) error {
	return forEachDirectory(s, func(lookup ports.Lookup) error { return s.checkLiveOf(ctx, lookup) })
}

func (s *Service) checkLiveOf(ctx context.Context, lookup ports.Lookup) error {
	var failures []error
	err := s.eachLive(ctx, lookup.ID(), func(u *domain.User) error {
		err := s.checkUser(ctx, lookup, u)
		if errors.Is(err, domain.ErrDirectoryUnavailable) || ctx.Err() != nil {
			return err
		}
		failures = append(failures, err) // an error for one user does not stop the check of the others
		return nil
	})
	return errors.Join(append(failures, err)...)
}

// eachLive calls each for the directory's users that have an unexpired session. It lists users by their last login,
// since no session outlives the duration in the policy; most users of a large directory are never read.
func (s *Service) eachLive(ctx context.Context, id domain.DirectoryID, each func(*domain.User) error) error {
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return err
	}
	now := s.deps.Clock.Now()
	oldest := now.Add(-catalog.Settings.Session.RememberFor() - time.Hour)
	live := func(session domain.SessionRef) bool { return now.Before(session.ExpiresAt) }
	query := domain.UserQuery{Directory: id, Sort: domain.SortLastLoginDesc}
	for u, err := range ports.AllUsers(ctx, s.deps.Users, query) {
		if err != nil || u.LastLogin.Before(oldest) {
			return err
		}
		if !slices.ContainsFunc(u.Sessions, live) {
			continue
		}
		if err := each(u); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) checkUser(ctx context.Context, lookup ports.Lookup, u *domain.User) error {
	identity, err := lookup.Find(ctx, u.Subject)
	switch {
	case errors.Is(err, domain.ErrSubjectNotFound):
		return s.endSessions(ctx, u, "gone from the directory", false)
	case err != nil:
		return err
	case identity.Disabled:
		return s.endSessions(ctx, u, "disabled in the directory", true)
	}
	_, err = s.deps.Provisioner.Refresh(ctx, domain.System(), *u, identity)
	return err
}

// endSessions ends the sessions of a user who may no longer log in. API keys end only if the directory reports the
// account as disabled: a missing account may also result from a mistake in the settings, and keys cannot be restored.
func (s *Service) endSessions(ctx context.Context, u *domain.User, reason string, keys bool) error {
	_, err := s.deps.Users.Update(ctx, u.ID, func(u *domain.User, out *domain.Outbox) error {
		ended := u.EndSessionsExcept("")
		if len(ended) == 0 {
			return domain.ErrUnchanged
		}
		u.DropTokens(domain.TokenReset, domain.TokenChange)
		if keys {
			u.KeyEpoch++
		}
		u.UpdatedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(domain.System(), domain.ActionSessionRevoke, string(u.ID),
			audit.Detail("source", "directory:"+string(u.Directory)), audit.Detail("reason", reason), audit.Detail("sessions",
				len(ended))))
		return nil
	})
	return err
}

package account

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Unlink removes a user from their provider, or from a directory that is no longer configured, and makes the account
// one of the built-in directory, without a password: ResetLink or a reset email sets one. All sessions and pending
// tokens end in the same write. The provider's identity with that subject no longer belongs to the user. Unlink
// requires users.manage; for a user of a directory that manages its own accounts it is fault.ErrConflict.
func (s *Service) Unlink(ctx context.Context, by domain.Principal, id domain.UserID) (domain.User, error) {
	catalog, _, err := s.target(ctx, by, id)
	if err != nil {
		return domain.User{}, err
	}
	local, ok := s.deps.Directories.LocalPasswords()
	if !ok {
		return domain.User{}, fault.ErrConflict.Because(errors.New("no built-in directory is configured to take the user"))
	}
	return s.deps.Access.UpdateUser(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		if err := access.CheckActOn(catalog, by, u); err != nil {
			return err
		}
		if !s.canUnlink(u) {
			return fault.ErrConflict.About("directory", "keeps its own people: only those of a provider can be unlinked")
		}
		from, ended := u.Directory, len(u.Sessions)
		u.Directory, u.Subject, u.Password = local.ID(), "", nil
		u.DropTokens()
		u.Sessions = nil
		u.UpdatedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserUpdate, string(u.ID), audit.Detail("fields", []string{"directory"}),
			audit.Detail("from", string(from)), audit.Detail("to", string(u.Directory)), audit.Detail("sessions_ended", ended)))
		return nil
	})
}

// canUnlink reports whether the user's directory is a provider or no longer configured.
func (s *Service) canUnlink(u *domain.User) bool {
	d, configured := s.deps.Directories.Get(u.Directory)
	_, redirects := d.(ports.RedirectLogin)
	return redirects || !configured
}

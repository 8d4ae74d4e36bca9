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

// ErrIdentityNotFound is returned for an identity that the user does not have.
var ErrIdentityNotFound = fault.New(fault.NotFound, "not_found", "Identity not found")

// Identity is what a directory knows the user as.
type Identity struct {
	ID        string // unique among the identities of the user
	Directory domain.DirectoryID
	Subject   domain.Subject // empty in the built-in directory
}

// Identities returns the identities of the user. The restrictions of Get apply.
func (s *Service) Identities(ctx context.Context, by domain.Principal, id domain.UserID) ([]Identity, error) {
	user, err := s.Get(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return []Identity{{ID: string(user.Directory), Directory: user.Directory, Subject: user.Subject}}, nil
}

// Unlink removes an identity of a provider, or of a directory that is no longer configured, and makes the account one
// of the built-in directory, without a password: ResetLink or a reset email sets one. All sessions and pending tokens
// end in the same write. The provider's identity with that subject no longer belongs to the user. Unlink requires
// users.manage, and a recent proof of identity if the settings demand one; for a user of a directory that manages its
// own accounts it is fault.ErrConflict.
func (s *Service) Unlink(ctx context.Context, by domain.Principal, id domain.UserID, identity string) (domain.User,
	error,
) {
	catalog, user, err := s.target(ctx, by, id)
	if err != nil {
		return domain.User{}, err
	}
	if string(user.Directory) != identity {
		return domain.User{}, ErrIdentityNotFound
	}
	if err := s.checkRecent(catalog, by); err != nil {
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
		if string(u.Directory) != identity {
			return ErrIdentityNotFound
		}
		if !s.canUnlink(u) {
			return fault.ErrConflict.About("directory", "keeps its own people: only those of a provider can be unlinked")
		}
		from, ended := u.Directory, len(u.Sessions)
		u.Directory, u.Subject, u.Password = local.ID(), "", nil
		u.DropTokens()
		u.Sessions = nil
		u.UpdatedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserUpdate, string(u.ID),
			audit.Detail("fields", []string{"directory"}),
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

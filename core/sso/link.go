package sso

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

var (
	errAdministrator  = errors.New("an account with administrative permissions is never linked")
	errOtherDirectory = errors.New("the account belongs to another directory")
	errTaken          = errors.New("the identity belongs to another account")
)

// resolve returns the user of an identity: the one it belongs to, the one it is linked to now, or a new one.
func (s *Service) resolve(
	ctx context.Context, by domain.Principal, provider ports.RedirectLogin, f *flow, identity domain.Identity,
) (domain.User, error) {
	owner, err := s.deps.Users.FindBySubject(ctx, identity.Directory, identity.Subject)
	switch {
	case err == nil && f.Link != "" && owner.ID != f.Link:
		return owner, fault.ErrForbidden.Because(errTaken)
	case err == nil:
		return s.deps.Provisioner.Provision(ctx, by, identity, false)
	case !errors.Is(err, domain.ErrUserNotFound):
		return domain.User{}, err
	}
	id := f.Link
	if id == "" {
		if id, err = s.sameAddress(ctx, provider, identity); err != nil {
			return domain.User{}, err
		}
	}
	if id == "" {
		return s.deps.Provisioner.Provision(ctx, by, identity, provider.JustInTime())
	}
	if err := s.link(ctx, by, id, f.Link == "", identity); err != nil {
		if f.Link != "" || !errors.Is(err, fault.ErrForbidden) {
			return domain.User{ID: id}, err
		}
		// By the address alone nobody gets in, and nobody is kept from an account of their own either.
		return s.deps.Provisioner.Provision(ctx, by, identity, provider.JustInTime())
	}
	return s.deps.Provisioner.Provision(ctx, by, identity, false)
}

// sameAddress returns the user who has the identity's address, where the provider is trusted and both sides have verified it.
func (s *Service) sameAddress(ctx context.Context, provider ports.RedirectLogin, identity domain.Identity) (domain.UserID, error) {
	if !provider.LinksByEmail() || !identity.EmailVerified || identity.Email == "" {
		return "", nil
	}
	key := s.deps.Folder.Fold(identity.Email)
	user, err := s.deps.Users.FindByLogin(ctx, key)
	switch {
	case errors.Is(err, domain.ErrUserNotFound):
		return "", nil
	case err != nil:
		return "", err
	case user.EmailKey != key || !user.EmailVerified:
		// It may be somebody whose user name looks like the address.
		return "", nil
	}
	return user.ID, nil
}

// checkLinkable returns fault.ErrForbidden for an account that cannot become a provider's: one of an outside directory, one
// that is not active, and one with administrative permissions.
func (s *Service) checkLinkable(ctx context.Context, user *domain.User) error {
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return err
	}
	return s.linkable(catalog, user)
}

func (s *Service) linkable(catalog *domain.Catalog, user *domain.User) error {
	d, _ := s.deps.Directories.Get(user.Directory)
	_, ours := d.(ports.CredentialKeeper)
	administrative := slices.ContainsFunc(catalog.Grants(user).Permissions(), domain.Permission.IsAdministrative)
	switch {
	case !ours || user.Subject != "":
		return fault.ErrForbidden.Because(errOtherDirectory)
	case administrative:
		return fault.ErrForbidden.Because(errAdministrator)
	case user.Status != domain.StatusActive:
		return fault.ErrForbidden.Because(errors.New(string(user.Status)))
	}
	return nil
}

// link makes the account the provider's: from now on its person signs in there, and the password here is no more. What was
// begun under the password ends, since the one who began it may have been somebody else.
func (s *Service) link(ctx context.Context, by domain.Principal, id domain.UserID, byAddress bool, identity domain.Identity) error {
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return err
	}
	_, err = s.deps.Access.UpdateUser(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		if err := s.linkable(catalog, u); err != nil {
			return err
		}
		if byAddress && (!u.EmailVerified || u.EmailKey != s.deps.Folder.Fold(identity.Email)) {
			return fault.ErrForbidden.Because(errors.New("the address changed meanwhile"))
		}
		from := u.Directory
		u.Directory, u.Subject = identity.Directory, identity.Subject
		u.Password = nil
		u.DropTokens()
		u.Sessions = nil
		u.UpdatedAt = s.now()
		out.Record(s.deps.Journal.Entry(by, domain.ActionUserUpdate, string(u.ID), audit.ActedBy(u.ID),
			audit.Detail("fields", []string{"directory"}), audit.Detail("from", string(from)), audit.Detail("to", string(identity.Directory)),
			audit.Detail("linked_by", map[bool]string{true: "verified_email", false: "self"}[byAddress])))
		return nil
	})
	return err
}

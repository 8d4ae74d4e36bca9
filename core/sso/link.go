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

// resolve returns the user of an identity: the one it belongs to, the one it is being linked to, or a new one.
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
	if f.Link != "" {
		if err := s.link(ctx, by, f.Link, false, identity); err != nil {
			return domain.User{ID: f.Link}, err
		}
		return s.deps.Provisioner.Provision(ctx, by, identity, false)
	}
	return s.byAddress(ctx, by, provider, identity)
}

// byAddress activates or links the account that has the identity's email, where that is allowed, and otherwise
// provisions a user: the email alone never gives access to an account, and never prevents a user from having their own.
// The account could belong to another person too, so the provider must be one whose emails are trusted.
//
// A user that an administrator created in this provider's directory ahead of the first login is activated: the
// administrator's choice of directory and email replaces our own verification. Any other account is linked only if we
// have verified its email.
func (s *Service) byAddress(ctx context.Context, by domain.Principal, provider ports.RedirectLogin,
	identity domain.Identity,
) (domain.User, error) {
	if provider.LinksByEmail() && identity.EmailVerified && identity.Email != "" {
		key := s.deps.CaseFolder.Fold(identity.Email)
		user, err := s.deps.Users.FindByEmail(ctx, key)
		switch {
		case errors.Is(err, domain.ErrUserNotFound):
		case err != nil:
			return domain.User{}, err
		case isExpected(&user, identity.Directory, key):
			return s.activateExpected(ctx, by, user.ID, identity)
		case user.EmailVerified:
			if err := s.link(ctx, by, user.ID, true, identity); err != nil && !errors.Is(err, fault.ErrForbidden) {
				return domain.User{ID: user.ID}, err
			}
		}
	}
	return s.deps.Provisioner.Provision(ctx, by, identity, provider.JustInTime())
}

// isExpected reports whether an administrator created the user in the directory ahead of the first login.
func isExpected(user *domain.User, directory domain.DirectoryID, key string) bool {
	return user.Directory == directory && user.Subject == "" && user.Status == domain.StatusPending && user.EmailKey == key
}

// activateExpected activates the user of isExpected.
func (s *Service) activateExpected(ctx context.Context, by domain.Principal, id domain.UserID,
	identity domain.Identity,
) (domain.User, error) {
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return domain.User{}, err
	}
	_, err = s.deps.Access.UpdateUser(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		switch {
		case isAdministrative(catalog, u):
			return fault.ErrForbidden.Because(errAdministrator)
		case !isExpected(u, identity.Directory, s.deps.CaseFolder.Fold(identity.Email)):
			return fault.ErrForbidden.Because(errors.New("the account changed meanwhile"))
		}
		u.Subject, u.Status, u.EmailVerified, u.UpdatedAt = identity.Subject, domain.StatusActive, true, s.now()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserActivate, string(u.ID), audit.ActedBy(u.ID),
			audit.Detail("source", "directory:"+string(identity.Directory))))
		return nil
	})
	if err != nil {
		return domain.User{ID: id}, err
	}
	return s.deps.Provisioner.Provision(ctx, by, identity, false)
}

func isAdministrative(catalog *domain.Catalog, user *domain.User) bool {
	return slices.ContainsFunc(catalog.Grants(user).Permissions(), domain.Permission.IsAdministrative)
}

// checkLinkable returns fault.ErrForbidden for an account that cannot become a provider's: one of an external
// directory, one that is not active, and one with administrative permissions.
func (s *Service) checkLinkable(catalog *domain.Catalog, user *domain.User) error {
	d, _ := s.deps.Directories.Get(user.Directory)
	_, ours := d.(ports.LocalPasswordStore)
	switch {
	case !ours || user.Subject != "":
		return fault.ErrForbidden.Because(errOtherDirectory)
	case isAdministrative(catalog, user):
		return fault.ErrForbidden.Because(errAdministrator)
	case user.Status != domain.StatusActive:
		return fault.ErrForbidden.Because(errors.New(string(user.Status)))
	}
	return nil
}

// link makes the account the provider's: from now on its user logs in there, and the local password is deleted.
// Sessions and tokens created with the password end, since another party may have created them.
func (s *Service) link(ctx context.Context, by domain.Principal, id domain.UserID, byAddress bool,
	identity domain.Identity,
) error {
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return err
	}
	_, err = s.deps.Access.UpdateUser(ctx, id, func(u *domain.User, out *domain.Outbox) error {
		if err := s.checkLinkable(catalog, u); err != nil {
			return err
		}
		if byAddress && (!u.EmailVerified || u.EmailKey != s.deps.CaseFolder.Fold(identity.Email)) {
			return fault.ErrForbidden.Because(errors.New("the address changed meanwhile"))
		}
		from := u.Directory
		u.Directory, u.Subject = identity.Directory, identity.Subject
		u.Password = nil
		u.DropTokens()
		u.Sessions = nil
		u.UpdatedAt = s.now()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserUpdate, string(u.ID), audit.ActedBy(u.ID),
			audit.Detail("fields", []string{"directory"}), audit.Detail("from", string(from)),
			audit.Detail("to", string(identity.Directory)),
			audit.Detail("linked_by", map[bool]string{true: "verified_email", false: "self"}[byAddress])))
		return nil
	})
	return err
}

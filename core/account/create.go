package account

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/password"
	"github.com/ostiary/ostiary/ports"
)

// NewUser is the input of Create.
type NewUser struct {
	Username string
	Email    string
	domain.Person
	FamilyName string   // the last part of FullName, if known
	Role       string   // default domain.RoleUser
	Groups     []string // names or IDs
	Metadata   domain.Metadata
	Password   string             // built-in directory only; makes the user active
	Directory  domain.DirectoryID // default is the configured directory of new users
}

// Create creates a user. It requires users.manage, and no role or group may grant an administrative permission that by
// lacks; one that grants any requires a recent proof of identity if the settings demand it
// (domain.ErrReauthentication). With a password the user is active; without one the user is pending, and an email with
// an activation token is queued in the same write. A user of an external directory is looked up there and is active. A
// taken username or email is domain.ErrUserExists; all invalid fields are reported together as fault.ErrInvalid.
func (s *Service) Create(ctx context.Context, by domain.Principal, in NewUser) (Profile, error) {
	if err := by.Require(domain.UsersManage); err != nil {
		return Profile{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return Profile{}, err
	}
	user, err := s.draft(catalog, in)
	if err != nil {
		return Profile{}, err
	}
	if err := s.deps.Access.MayAssign(catalog, by, &domain.User{}, user.Role, user.Groups); err != nil {
		return Profile{}, err
	}
	if err := s.checkFree(ctx, &user); err != nil {
		return Profile{}, err
	}
	var out domain.Outbox
	if err := s.settle(ctx, catalog, &user, in.Password, &out); err != nil {
		return Profile{}, err
	}
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionUserCreate, string(user.ID),
		audit.Detail("role", string(user.Role)),
		audit.Detail("status", string(user.Status)), audit.Detail("directory", string(user.Directory)),
		audit.Personal("username", user.Username)))
	if err := s.deps.Access.CreateUser(ctx, &user, out); err != nil {
		return Profile{}, err
	}
	return profile(catalog, user), nil
}

// draft validates the input and returns the user that it describes, without credentials.
func (s *Service) draft(catalog *domain.Catalog, in NewUser) (domain.User, error) {
	now := s.deps.Clock.Now().UTC()
	user := domain.User{
		ID: domain.UserID(s.deps.IDs.NewID(domain.UserPrefix)), Identifier: access.NewIdentifier(s.deps.IDs),
		Username: in.Username, Email: strings.TrimSpace(in.Email), Person: in.Person, FamilyName: in.FamilyName,
		Metadata: in.Metadata, Role: domain.RoleID(in.Role), Directory: in.Directory, Status: domain.StatusPending,
		CreatedAt: now, UpdatedAt: now,
	}
	if user.Role == "" {
		user.Role = domain.RoleUser
	}
	if user.Directory == "" {
		user.Directory = s.deps.Directories.Fallback().ID()
	}
	var groupsErr, directoryErr, passwordErr error
	user.Groups, groupsErr = s.findGroups(catalog, in.Groups)
	d, ok := s.deps.Directories.Get(user.Directory)
	if !ok {
		directoryErr = fault.ErrInvalid.About("directory", "is not configured")
	} else if _, keeps := d.(ports.LocalPasswordStore); !keeps && in.Password != "" {
		passwordErr = fault.ErrInvalid.About("password", "is set in the user's directory")
	}
	err := gather(slices.Concat([]error{domain.CheckUsername(user.Username), domain.CheckEmail(user.Email)},
		user.CheckTexts(),
		[]error{domain.CheckMetadata(user.Metadata), checkRole(catalog, user.Role), groupsErr, directoryErr, passwordErr})...)
	directory.SetKeys(s.deps.CaseFolder, &user)
	return user, err
}

func checkRole(catalog *domain.Catalog, role domain.RoleID) error {
	if _, ok := catalog.Roles.Get(role); !ok {
		return fault.ErrInvalid.About("role", "does not exist")
	}
	return nil
}

// findGroups returns the IDs of the groups in the given order, without duplicates.
func (s *Service) findGroups(catalog *domain.Catalog, names []string) ([]domain.GroupID, error) {
	ids := make([]domain.GroupID, 0, len(names))
	for _, name := range names {
		g, ok := catalog.FindGroup(name, s.deps.CaseFolder.Fold)
		if !ok {
			g, ok = catalog.Groups.Get(domain.GroupID(name))
		}
		if !ok {
			return nil, fault.ErrInvalid.About("groups", "names a group that does not exist")
		}
		if !slices.Contains(ids, g.ID) {
			ids = append(ids, g.ID)
		}
	}
	if !domain.Limits.Groups.Allows(len(ids)) {
		return nil, fault.ErrInvalid.About("groups", "must be "+domain.Limits.Groups.String())
	}
	return ids, nil
}

// checkFree refuses a username that is another user's email, and vice versa: either would take over that user's login.
// The store refuses a username or email that another user already has as the same.
func (s *Service) checkFree(ctx context.Context, user *domain.User) error {
	taken := domain.ErrUserExists
	for _, name := range []struct{ field, key string }{{"username", user.UsernameKey}, {"email", user.EmailKey}} {
		found, err := s.deps.Users.FindByLogin(ctx, name.key)
		switch {
		case errors.Is(err, domain.ErrUserNotFound):
		case err != nil:
			return err
		case found.ID != user.ID:
			taken = taken.About(name.field, "is taken")
		}
	}
	return domain.Refusal(taken)
}

// settle sets how the user logs in: with the password, after an activation email, or in their external directory.
func (s *Service) settle(ctx context.Context, catalog *domain.Catalog, user *domain.User, secret string,
	out *domain.Outbox,
) error {
	d, err := s.directoryOf(user)
	if err != nil {
		return err
	}
	local, keeps := d.(ports.LocalPasswordStore)
	switch {
	case keeps && secret == "":
		return s.deps.Emails.Invite(user, out)
	case keeps:
		credential, err := s.newCredential(ctx, local, catalog, password.New{Field: "password", Text: secret, User: user})
		user.Password, user.Status = credential, domain.StatusActive
		return err
	}
	if lookup, ok := d.(ports.Lookup); ok {
		return s.adopt(ctx, lookup, user)
	}
	return nil // pending until the first login at the provider
}

// adopt looks up the user in their directory. An account that is not found there cannot become a user.
func (s *Service) adopt(ctx context.Context, lookup ports.Lookup, user *domain.User) error {
	identity, err := lookup.FindName(ctx, user.Username)
	switch {
	case errors.Is(err, domain.ErrSubjectNotFound):
		return fault.ErrInvalid.About("username", "is not known in the directory")
	case err != nil:
		return err
	}
	user.Subject, user.Status = identity.Subject, domain.StatusActive
	return nil
}

// newCredential checks a new password and returns its credential.
func (s *Service) newCredential(ctx context.Context, local ports.LocalPasswordStore, catalog *domain.Catalog,
	next password.New,
) (*domain.PasswordCredential, error) {
	return s.passwords.Credential(ctx, local, catalog.Settings.Password, next, s.deps.Clock.Now().UTC())
}

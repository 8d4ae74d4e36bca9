package ldapdir

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Factories returns the factories of the directory types ldap and activedirectory.
//
// The directories implement ports.PasswordVerifier, Checker, Mapper and LockoutReader, and additionally:
// PasswordChanger unless passwords is none, Lookup and Lister with a service account, and PasswordSetter if passwords
// is reset. Opening one makes no connection; errors in the settings are a fault.ErrInvalid with a detail for each
// key.
func Factories(clock ports.Clock) []ports.DirectoryFactory {
	factory := func(kind string) ports.DirectoryFactory {
		return ports.DirectoryFactory{Type: kind, Open: func(id domain.DirectoryID,
			decode func(into any) error) (ports.Directory, error) {
			s := Defaults(kind)
			if err := decode(&s); err != nil {
				return nil, err
			}
			return New(id, kind, s, clock)
		}}
	}
	return []ports.DirectoryFactory{factory(TypeLDAP), factory(TypeActiveDirectory)}
}

// New returns a directory of the given type with these settings, which are checked. It makes no network call.
func New(id domain.DirectoryID, kind string, s Settings, clock ports.Clock) (ports.Directory, error) {
	p, err := s.prepare(kind)
	if err != nil {
		return nil, err
	}
	c := newClient(id, kind, s, p, clock)
	common := base{c}
	switch {
	case c.pool == nil && s.Passwords == PasswordsNone:
		return &struct{ base }{common}, nil
	case c.pool == nil:
		return &struct {
			base
			changes
		}{common, changes{c}}, nil
	case s.Passwords == PasswordsNone:
		return &struct {
			base
			lookups
		}{common, lookups{c}}, nil
	case s.Passwords == PasswordsChange:
		return &struct {
			base
			lookups
			changes
		}{common, lookups{c}, changes{c}}, nil
	default:
		return &struct {
			base
			lookups
			changes
			sets
		}{common, lookups{c}, changes{c}, sets{c}}, nil
	}
}

// base implements what every directory of this package supports.
type base struct{ client *client }

// ID returns the directory's id.
func (b base) ID() domain.DirectoryID { return b.client.id }

// Type returns ldap or activedirectory.
func (b base) Type() string { return b.client.kind }

// JustInTime reports whether a person without a user record becomes a user at the first login.
func (b base) JustInTime() bool { return b.client.settings.JustInTime }

// Suffixes returns the domains whose logins belong to this directory.
func (b base) Suffixes() []string { return slices.Clone(b.client.settings.Suffixes) }

// Close stops the probes and closes the idle connections. Running calls end with their own contexts.
func (b base) Close(context.Context) error {
	b.client.close()
	return nil
}

// VerifyPassword checks a login by name.
func (b base) VerifyPassword(ctx context.Context, login ports.Login) (domain.PasswordCheck, error) {
	return b.client.verifyPassword(ctx, login)
}

// VerifySubject checks the password of a known subject.
func (b base) VerifySubject(ctx context.Context, subject domain.Subject, password string) (domain.PasswordCheck,
	error) {
	return b.client.verifySubject(ctx, subject, password)
}

// Check tries every operation of the directory.
func (b base) Check(ctx context.Context, sample string) []domain.CheckStep {
	return b.client.check(ctx, sample)
}

// LockoutThreshold returns how many wrong passwords lock an account in the directory.
func (b base) LockoutThreshold(ctx context.Context) (int, error) {
	return b.client.lockoutThreshold(ctx)
}

// MappingNames returns the roles and groups that the rules name.
func (b base) MappingNames() domain.MappingNames {
	s := &b.client.settings
	names := domain.MappingNames{Administrators: s.AllowAdmin}
	for _, rule := range s.Roles {
		names.Roles = append(names.Roles, domain.RoleID(rule.Role))
	}
	if len(s.Roles) > 0 {
		names.Roles = append(names.Roles, domain.RoleID(s.DefaultRole))
	}
	for _, rule := range s.GroupMapping {
		names.Groups = append(names.Groups, rule.To)
	}
	return names
}

// lookups implements what requires a service account.
type lookups struct{ client *client }

// Find returns the person with this subject in the directory's current state.
func (l lookups) Find(ctx context.Context, subject domain.Subject) (domain.Identity, error) {
	return l.client.find(ctx, subject)
}

// FindName returns the person with this login name.
func (l lookups) FindName(ctx context.Context, name string) (domain.Identity, error) {
	return l.client.findName(ctx, name)
}

// List lists all people.
func (l lookups) List(ctx context.Context, since string, yield func([]domain.Identity) error) (domain.ListResult,
	error) {
	return l.client.list(ctx, since, yield)
}

type changes struct{ client *client }

// ChangePassword lets a person change their own password.
func (c changes) ChangePassword(ctx context.Context, subject domain.Subject, current, next string) error {
	return c.client.changePassword(ctx, subject, current, next)
}

type sets struct{ client *client }

// SetPassword sets a person's password with the service account.
func (s sets) SetPassword(ctx context.Context, subject domain.Subject, next string, mustChange bool) error {
	return s.client.setPassword(ctx, subject, next, mustChange)
}

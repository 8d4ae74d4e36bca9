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
			decode func(into any) error,
		) (ports.Directory, error) {
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

// base implements what every directory of this package supports. The types below add what the settings allow.
type base struct{ *client }

// lookups implements what requires a service account.
type lookups struct{ *client }

// changes lets people change their own passwords.
type changes struct{ *client }

// sets sets passwords with the service account.
type sets struct{ *client }

// ID returns the directory's id.
func (c base) ID() domain.DirectoryID { return c.id }

// Type returns ldap or activedirectory.
func (c base) Type() string { return c.kind }

// JustInTime reports whether a person without a user record becomes a user at the first login.
func (c base) JustInTime() bool { return c.settings.JustInTime }

// Suffixes returns the domains whose logins belong to this directory.
func (c base) Suffixes() []string { return slices.Clone(c.settings.Suffixes) }

// Close stops the probes and closes the idle connections. Running calls end with their own contexts.
func (c base) Close(context.Context) error {
	c.breaker.close()
	if c.pool != nil {
		c.pool.close()
	}
	return nil
}

// MappingNames returns the roles and groups that the rules name.
func (c base) MappingNames() domain.MappingNames {
	s := &c.settings
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

package ldapdir

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

func badCredentials(detail string) domain.PasswordCheck {
	return domain.PasswordCheck{Outcome: domain.OutcomeBadCredentials, Detail: detail}
}

// isPassword reports whether a password may be sent to the server: an empty one would be an anonymous bind.
func isPassword(password string) bool {
	return password != "" && len(password) <= maxPassword && !strings.ContainsRune(password, 0)
}

// VerifyPassword checks a login by name.
func (c base) VerifyPassword(ctx context.Context, login ports.Login) (domain.PasswordCheck, error) {
	if !isName(login.Name) || !isPassword(login.Password) {
		return badCredentials("no name or no password that a directory could know"), nil
	}
	name := composed(login.Name)
	var check domain.PasswordCheck
	err := c.run(ctx, func(ctx context.Context, r *reach) error {
		var err error
		if c.pool == nil {
			check, err = c.verifyDirect(ctx, r, c.directNames(name), c.loginFilter(name), login.Password)
		} else {
			check, err = c.searchThenBind(ctx, r, c.loginFilter(name), login.Password)
		}
		return err
	})
	return check, err
}

// VerifySubject checks the password of a known subject.
func (c base) VerifySubject(ctx context.Context, subject domain.Subject, password string) (domain.PasswordCheck,
	error,
) {
	filter, ok := c.subjectFilter(subject)
	if !ok || !isPassword(password) {
		return badCredentials("no subject or no password that a directory could know"), nil
	}
	var check domain.PasswordCheck
	err := c.run(ctx, func(ctx context.Context, r *reach) error {
		var err error
		if c.pool != nil {
			check, err = c.searchThenBind(ctx, r, filter, password)
			return err
		}
		if !c.subjectIsGUID() {
			return errors.New("without a service account people can be found by their login name only")
		}
		// Active Directory accepts an objectGUID as a bind name.
		check, err = c.verifyDirect(ctx, r, []string{"<GUID=" + string(subject) + ">"}, filter, password)
		check.Identity.Directory, check.Identity.Subject = c.id, subject
		return err
	})
	if check.Outcome == domain.OutcomeBadCredentials {
		check.Identity = domain.Identity{}
	}
	return check, err
}

// searchThenBind finds the one person that the filter matches and binds as that person.
func (c *client) searchThenBind(ctx context.Context, r *reach, filter, password string) (domain.PasswordCheck, error) {
	e, err := c.known(ctx, r, filter)
	if errors.Is(err, domain.ErrSubjectNotFound) {
		// The same work as for an existing person, so that the response time does not reveal the difference.
		return badCredentials(errors.Unwrap(err).Error()), c.bindUnknownUser(ctx, r)
	}
	if err != nil {
		return domain.PasswordCheck{}, err
	}
	var said answer
	err = r.own(ctx, func(on *conn) error {
		var err error
		said, err = c.bind(ctx, on, e.DN, password)
		return err
	})
	if err != nil || said.outcome == domain.OutcomeBadCredentials {
		return badCredentials(said.detail), err
	}
	return c.complete(ctx, r, e, said)
}

// bindUnknownUser binds as a person who cannot exist, with a password of our own, so that the typed one is not sent to
// the server.
func (c *client) bindUnknownUser(ctx context.Context, r *reach) error {
	return r.own(ctx, func(on *conn) error {
		_, err := c.bind(ctx, on, "cn=nobody-"+rand.Text()+","+c.settings.BaseDN, rand.Text())
		return err
	})
}

// complete completes the result of a bind with the identity and the state in the entry.
func (c *client) complete(ctx context.Context, r *reach, e entry, said answer) (domain.PasswordCheck, error) {
	check := domain.PasswordCheck{Outcome: said.outcome, Detail: said.detail}
	if said.outcome == domain.OutcomeLocked {
		// The server reports it for any password, so the identity reveals nothing about the person.
		check.Identity = domain.Identity{Directory: c.id, Subject: e.subject}
		check.LockedUntil = c.lockedUntil(ctx, r, e)
		return check, nil
	}
	err := r.service(ctx, func(on *conn) error {
		groups, err := c.groups(ctx, on, e)
		check.Identity = c.identity(e, groups)
		return err
	})
	if err != nil {
		return domain.PasswordCheck{}, err
	}
	if check.Outcome == domain.OutcomeOK && check.Identity.Disabled {
		check.Outcome, check.Detail = domain.OutcomeDisabled, "the entry says that the account is switched off"
	}
	return check, nil
}

// directNames returns the bind names for the login name.
func (c *client) directNames(login string) []string {
	bare := c.bareName(login)
	fill := strings.NewReplacer("{login}", login, "{name}", bare, "{rdn}", ldap.EscapeDN(bare))
	names := make([]string, 0, len(c.settings.DirectBind))
	for _, template := range c.settings.DirectBind {
		names = append(names, fill.Replace(template))
	}
	return names
}

// verifyDirect binds the names in turn until the server accepts one with this password, then reads the entry as that
// person. A bind as its DN proves that the entry is theirs: a name may have different meanings for a bind and for a
// search.
func (c *client) verifyDirect(ctx context.Context, r *reach, names []string, filter,
	password string,
) (domain.PasswordCheck, error) {
	check := badCredentials("wrong name or password")
	for _, name := range names {
		err := r.own(ctx, func(on *conn) error {
			said, err := c.bind(ctx, on, name, password)
			if err != nil {
				return err
			}
			check = domain.PasswordCheck{Outcome: said.outcome, Detail: said.detail}
			if said.outcome != domain.OutcomeOK {
				return nil
			}
			return c.readOwn(ctx, on, filter, password, &check)
		})
		if err != nil || check.Outcome != domain.OutcomeBadCredentials {
			return check, err
		}
	}
	return check, nil
}

func (c *client) readOwn(ctx context.Context, on *conn, filter, password string, check *domain.PasswordCheck) error {
	e, err := c.one(ctx, on, filter)
	if errors.Is(err, errNoEntry) || errors.Is(err, errSeveral) {
		*check = badCredentials("the password is right, but " + err.Error() +
			" below base_dn by user_filter and login_attributes")
		return nil
	}
	if err != nil {
		return err
	}
	groups, err := c.groups(ctx, on, e)
	if err != nil {
		return err
	}
	said, err := c.bind(ctx, on, e.DN, password)
	if err != nil {
		return err
	}
	if said.outcome != domain.OutcomeOK {
		*check = badCredentials("the name that was bound and the entry that was found are not the same person")
		return nil
	}
	check.Identity = c.identity(e, groups)
	if check.Identity.Disabled {
		check.Outcome, check.Detail = domain.OutcomeDisabled, "the entry says that the account is switched off"
	}
	return nil
}

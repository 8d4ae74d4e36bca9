package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
	"golang.org/x/text/unicode/norm"

	"github.com/ostiary/ostiary/core/domain"
)

// The maximum lengths of login names and passwords, in bytes.
const (
	maxLogin    = 256
	maxPassword = 1024
)

// errNoEntry is a search without a result, and errSeveral one with more than one, which is never a login.
var (
	errNoEntry = errors.New("no entry has this name")
	errSeveral = errors.New("more than one entry has this name")
)

// isName reports whether a login name may be sent to the server.
func isName(name string) bool {
	return strings.TrimSpace(name) != "" && len(name) <= maxLogin && utf8.ValidString(name) &&
		!strings.ContainsRune(name, 0)
}

// composed returns the name with composed accents, as directories store them, for any keyboard: Active Directory
// compares characters literally, RFC 4518 servers compare compositions.
func composed(name string) string { return norm.NFC.String(name) }

// bareName returns the login name without a suffix of ours.
func (c *client) bareName(login string) string {
	for _, suffix := range c.settings.Suffixes {
		if n := len(login) - len(suffix) - 1; n > 0 && login[n] == '@' && strings.EqualFold(login[n+1:], suffix) {
			return login[:n]
		}
		if n := len(suffix); len(login) > n+1 && login[n] == '\\' && strings.EqualFold(login[:n], suffix) {
			return login[n+1:]
		}
	}
	return login
}

// loginFilter matches the login name, as typed and without our suffix, with each login attribute.
func (c *client) loginFilter(login string) string {
	names := []string{login}
	if bare := c.bareName(login); bare != login {
		names = append(names, bare)
	}
	var b strings.Builder
	b.WriteString("(&" + c.settings.UserFilter + "(|")
	for _, attribute := range c.settings.LoginAttributes {
		for _, name := range names {
			b.WriteString("(" + attribute + "=" + ldap.EscapeFilter(name) + ")")
		}
	}
	b.WriteString("))")
	return b.String()
}

// one returns the single person that a filter matches, or errNoEntry or errSeveral.
func (c *client) one(ctx context.Context, on *conn, filter string) (entry, error) {
	req := ldap.NewSearchRequest(c.settings.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, c.seconds(), false,
		filter,
		c.personAttributes(), nil)
	res, err := on.search(ctx, req)
	switch {
	case hasCode(err, ldap.LDAPResultSizeLimitExceeded):
		return entry{}, errSeveral
	case hasCode(err, ldap.LDAPResultNoSuchObject):
		return entry{}, fmt.Errorf("base_dn %s does not exist, or the service account may not see it", c.settings.BaseDN)
	case err != nil:
		return entry{}, err
	case len(res.Entries) == 0:
		return entry{}, errNoEntry
	case len(res.Entries) > 1:
		return entry{}, errSeveral
	case !isUnder(res.Entries[0].DN, c.settings.BaseDN):
		return entry{}, fmt.Errorf("the server answered with an entry outside base_dn: %s", res.Entries[0].DN)
	}
	return c.newEntry(res.Entries[0])
}

// seconds returns the time limit that is sent to the server.
func (c *client) seconds() int { return max(1, int(c.settings.Timeouts.Request.Seconds())) }

// Find returns the person with this subject in the directory's current state.
func (c lookups) Find(ctx context.Context, subject domain.Subject) (domain.Identity, error) {
	filter, ok := c.subjectFilter(subject)
	if !ok {
		return domain.Identity{}, domain.ErrSubjectNotFound
	}
	return c.look(ctx, filter)
}

// FindName returns the person with this login name.
func (c lookups) FindName(ctx context.Context, name string) (domain.Identity, error) {
	if !isName(name) {
		return domain.Identity{}, domain.ErrSubjectNotFound
	}
	return c.look(ctx, c.loginFilter(composed(name)))
}

// look returns the identity that a filter matches, as read by the service account.
func (c lookups) look(ctx context.Context, filter string) (domain.Identity, error) {
	var found domain.Identity
	err := c.run(ctx, func(ctx context.Context, r *reach) error {
		return r.service(ctx, func(on *conn) error {
			e, err := c.one(ctx, on, filter)
			if errors.Is(err, errNoEntry) || errors.Is(err, errSeveral) {
				return domain.ErrSubjectNotFound.Because(err)
			}
			if err != nil {
				return err
			}
			groups, err := c.groups(ctx, on, e)
			found = c.identity(e, groups)
			return err
		})
	})
	if err != nil {
		return domain.Identity{}, err
	}
	return found, nil
}

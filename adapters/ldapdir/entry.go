package ldapdir

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
)

// entry is a person's entry as the directory returned it.
type entry struct {
	*ldap.Entry
	subject domain.Subject
}

// personAttributes are the requested attributes; operational ones are only returned by name.
func (c *client) personAttributes(more ...string) []string {
	a := c.settings.Attributes
	names := []string{a.Subject, a.Username, a.Email, c.settings.Disabled.Attribute}
	names = slices.AppendSeq(names, maps.Values(a.person()))
	if c.settings.Groups.Mode == GroupsMemberOf || c.settings.Groups.Mode == GroupsInChain {
		names = append(names, "memberOf")
	}
	if c.activeDirectory() {
		names = append(names, "userAccountControl", "accountExpires", "lockoutTime", "objectSid", "primaryGroupID",
			"msDS-ResultantPSO")
	} else {
		names = append(names, "pwdAccountLockedTime", "pwdPolicySubentry", "nsAccountLock", "accountUnlockTime")
	}
	names = append(names, more...)
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" })
}

func (c *client) newEntry(e *ldap.Entry) (entry, error) {
	name := c.settings.Attributes.Subject
	if c.subjectIsGUID() {
		text, err := guidText(e.GetEqualFoldRawAttributeValue(name))
		if err != nil {
			return entry{}, fmt.Errorf("the entry %s has no usable %s", e.DN, name)
		}
		return entry{e, domain.Subject(text)}, nil
	}
	value := e.GetEqualFoldAttributeValue(name)
	if value == "" {
		return entry{}, fmt.Errorf("the entry %s shows no %s: the service account must be able to read it", e.DN, name)
	}
	return entry{e, domain.Subject(value)}, nil
}

func (c *client) subjectIsGUID() bool {
	return strings.EqualFold(c.settings.Attributes.Subject, "objectGUID")
}

// subjectFilter returns the filter for a subject, and false if the subject is not possible here.
func (c *client) subjectFilter(subject domain.Subject) (string, bool) {
	if subject == "" || len(subject) > 256 {
		return "", false
	}
	value := ldap.EscapeFilter(string(subject))
	if c.subjectIsGUID() {
		raw, err := parseGUID(string(subject))
		if err != nil {
			return "", false
		}
		value = escapeBytes(raw)
	}
	return "(&" + c.settings.UserFilter + "(" + c.settings.Attributes.Subject + "=" + value + "))", true
}

// identity maps the entry and its groups to an identity.
func (c *client) identity(e entry, groups []string) domain.Identity {
	a := c.settings.Attributes
	role, mapped := c.mapping.apply(groups)
	email := strings.TrimSpace(e.GetEqualFoldAttributeValue(a.Email))
	return domain.Identity{
		Directory: c.id, Subject: e.subject, Username: e.GetEqualFoldAttributeValue(a.Username), Email: email,
		Person:        domain.NewPerson(func(name string) string { return e.GetEqualFoldAttributeValue(a.person()[name]) }),
		EmailVerified: email != "" && c.settings.EmailVerified, Groups: groups, Role: role, MappedGroups: mapped,
		Unmapped: a.unmapped(), MapsAdministrators: c.settings.AllowAdmin, Methods: []string{"pwd"}, Disabled: c.disabled(e),
	}
}

// lockedForEver is a lock that only an administrator of the directory ends.
const lockedForEver = "000001010000Z"

// lockedByAdministrator reports a lock that is not caused by wrong passwords: OpenLDAP's permanent one, and the one of
// 389 Directory Server and FreeIPA.
func lockedByAdministrator(e entry) bool {
	return e.GetEqualFoldAttributeValue("pwdAccountLockedTime") == lockedForEver ||
		strings.EqualFold(e.GetEqualFoldAttributeValue("nsAccountLock"), "true")
}

// disabled reports whether the entry is marked as disabled; a temporary lock does not count.
func (c *client) disabled(e entry) bool {
	if d := c.settings.Disabled; d.Attribute != "" {
		for _, value := range e.GetEqualFoldAttributeValues(d.Attribute) {
			if slices.ContainsFunc(d.Values, func(v string) bool { return strings.EqualFold(v, value) }) {
				return true
			}
		}
	}
	if !c.activeDirectory() {
		return lockedByAdministrator(e)
	}
	control, _ := strconv.ParseInt(e.GetEqualFoldAttributeValue("userAccountControl"), 10, 64)
	expires := fileTime(e.GetEqualFoldAttributeValue("accountExpires"))
	return control&adAccountDisabled != 0 || (!expires.IsZero() && !c.clock.Now().Before(expires))
}

// lockedUntil returns the end of a lock of the directory, as far as the service account can read it.
func (c *client) lockedUntil(ctx context.Context, r *reach, e entry) time.Time {
	if end, err := time.Parse(timeLayout, e.GetEqualFoldAttributeValue("accountUnlockTime")); err == nil &&
		end.After(c.clock.Now()) {
		return end // 389 Directory Server
	}
	at := fileTime(e.GetEqualFoldAttributeValue("lockoutTime"))
	if !c.activeDirectory() {
		// An error means that it is not readable, or that the account is locked for ever.
		at, _ = time.Parse(timeLayout, e.GetEqualFoldAttributeValue("pwdAccountLockedTime"))
	}
	if c.pool == nil || at.IsZero() {
		return time.Time{}
	}
	var own policy
	err := r.service(ctx, func(on *conn) error {
		var err error
		own, err = c.directoryPolicy(ctx, on, e)
		return err
	})
	if err != nil || own.lockoutDuration == 0 {
		return time.Time{} // the outcome is known; only its end is not
	}
	return at.Add(own.lockoutDuration)
}

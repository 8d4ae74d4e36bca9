package ldapdir

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// The limits of a search for groups. Exceeding them is an error, since a part of a person's groups could grant them
// less or, by a rule that a missing group overrides, more than they have.
const (
	maxGroupDepth = 20
	maxGroups     = 5000
	groupBatch    = 40 // members in one filter
)

// inChain is Active Directory's rule that follows nested groups (LDAP_MATCHING_RULE_IN_CHAIN).
const inChain = "1.2.840.113556.1.4.1941"

// groups returns the DNs of a person's groups, including nested ones if the settings require that.
func (c *client) groups(ctx context.Context, on *conn, e entry) ([]string, error) {
	g := c.settings.Groups
	switch g.Mode {
	case GroupsNone:
		return nil, nil
	case GroupsInChain:
		return c.groupsInChain(ctx, on, e)
	case GroupsMemberOf:
		direct, err := values(ctx, on, e.Entry, "memberOf")
		if err != nil || !g.Nested {
			return direct, err
		}
		above, err := c.climb(ctx, on, direct, true)
		return union(direct, above), err
	}
	member := e.DN
	if g.MemberValue == "username" {
		member = e.GetEqualFoldAttributeValue(c.settings.Attributes.Username)
	}
	// A list of names contains only people, so nothing is nested.
	return c.climb(ctx, on, []string{member}, g.Nested && g.MemberValue == "dn")
}

// climb searches for the groups that name the members, then for those that name these groups, until there are no
// more. Groups may contain one another in a cycle.
func (c *client) climb(ctx context.Context, on *conn, members []string, nested bool) ([]string, error) {
	seen := map[string]bool{}
	var all []string
	for depth := 0; len(members) > 0; depth++ {
		if depth == maxGroupDepth {
			return nil, fmt.Errorf("groups are nested more than %d deep", maxGroupDepth)
		}
		var above []string
		for len(members) > 0 {
			n := min(len(members), groupBatch)
			found, err := c.groupsOf(ctx, on, members[:n])
			if err != nil {
				return nil, err
			}
			members = members[n:]
			for _, dn := range found {
				if key := foldDN(dn); !seen[key] {
					seen[key] = true
					above = append(above, dn)
				}
			}
		}
		all = append(all, above...)
		if len(all) > maxGroups {
			return nil, fmt.Errorf("a user is in more than %d groups", maxGroups)
		}
		if !nested {
			break
		}
		members = above
	}
	return all, nil
}

// groupsOf returns the groups that name any of the members.
func (c *client) groupsOf(ctx context.Context, on *conn, members []string) ([]string, error) {
	var b strings.Builder
	b.WriteString("(&" + c.settings.Groups.Filter + "(|")
	for _, m := range members {
		b.WriteString("(" + c.settings.Groups.MemberAttribute + "=" + ldap.EscapeFilter(m) + ")")
	}
	b.WriteString("))")
	return c.groupSearch(ctx, on, b.String())
}

func (c *client) groupSearch(ctx context.Context, on *conn, filter string) ([]string, error) {
	var dns []string
	err := c.walk(ctx, on, walk{base: c.settings.Groups.BaseDN, filter: filter, attributes: []string{"1.1"}},
		func(entries []*ldap.Entry) error {
			for _, e := range entries {
				dns = append(dns, e.DN)
			}
			if len(dns) > maxGroups {
				return fmt.Errorf("a user is in more than %d groups", maxGroups)
			}
			return nil
		})
	return dns, err
}

// groupsInChain queries Active Directory for all groups at once, and for the primary group, which no member list
// contains, with its parents.
func (c *client) groupsInChain(ctx context.Context, on *conn, e entry) ([]string, error) {
	rule := ""
	if c.settings.Groups.Nested {
		rule = ":" + inChain + ":"
	}
	alternatives := "(member" + rule + "=" + ldap.EscapeFilter(e.DN) + ")"
	if sid := primaryGroupSID(e.GetEqualFoldRawAttributeValue("objectSid"),
		e.GetEqualFoldAttributeValue("primaryGroupID")); sid != nil {
		primary, err := c.groupSearch(ctx, on, "(&"+c.settings.Groups.Filter+"(objectSid="+escapeBytes(sid)+"))")
		if err != nil {
			return nil, err
		}
		alternatives += "(objectSid=" + escapeBytes(sid) + ")"
		if c.settings.Groups.Nested && len(primary) == 1 {
			alternatives += "(member" + rule + "=" + ldap.EscapeFilter(primary[0]) + ")"
		}
	}
	return c.groupSearch(ctx, on, "(&"+c.settings.Groups.Filter+"(|"+alternatives+"))")
}

func union(a, b []string) []string {
	seen := map[string]bool{}
	var all []string
	for _, dn := range append(append([]string{}, a...), b...) {
		if key := foldDN(dn); !seen[key] {
			seen[key] = true
			all = append(all, dn)
		}
	}
	return all
}

// values returns all values of an attribute. Active Directory returns long ones in ranges: an empty attribute beside
// "member;range=0-1499", and the rest on request.
func values(ctx context.Context, on *conn, e *ldap.Entry, name string) ([]string, error) {
	var all []string
	for {
		next, got := rangeOf(e, name)
		all = append(all, got...)
		if next < 0 {
			return all, nil
		}
		var err error
		e, err = readEntry(ctx, on, e.DN, name+";range="+strconv.Itoa(next)+"-*")
		if err != nil {
			return nil, err
		}
		if e == nil {
			return nil, fmt.Errorf("an entry with a long %s went away while it was read", name)
		}
	}
}

// rangeOf returns the values of an attribute in an entry, and where the next range begins; -1 if there is none.
func rangeOf(e *ldap.Entry, name string) (next int, got []string) {
	next = -1
	for _, a := range e.Attributes {
		base, option, _ := strings.Cut(a.Name, ";range=")
		if !strings.EqualFold(base, name) {
			continue
		}
		got = append(got, a.Values...)
		if _, high, ok := strings.Cut(option, "-"); ok && high != "*" {
			if n, err := strconv.Atoi(high); err == nil {
				next = n + 1
			}
		}
	}
	return next, got
}

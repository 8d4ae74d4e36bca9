package ldapdir

import (
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
)

// mapping maps the directory's groups to our roles and groups.
type mapping struct {
	roles       []rule
	groups      []rule
	defaultRole string
}

// rule matches a group by its DN, or by its cn if the configuration gives no DN.
type rule struct {
	dn, cn string
	gives  string
}

func newMapping(s *Settings) mapping {
	m := mapping{defaultRole: s.DefaultRole}
	for _, r := range s.Roles {
		m.roles = append(m.roles, newRule(r.Group, r.Role))
	}
	for _, r := range s.GroupMapping {
		m.groups = append(m.groups, newRule(r.Group, r.To))
	}
	return m
}

func newRule(group, gives string) rule {
	if dn, err := ldap.ParseDN(group); err == nil && len(dn.RDNs) > 0 {
		return rule{dn: foldDN(group), gives: gives}
	}
	return rule{cn: strings.ToLower(group), gives: gives}
}

// apply returns the role and groups for the directory's groups. If there are rules and none matches, the result is
// the default role and no groups, so that a person who leaves a group of the directory loses what it granted.
func (m mapping) apply(groups []string) (domain.RoleID, []string) {
	dns, cns := map[string]bool{}, map[string]bool{}
	for _, g := range groups {
		dns[foldDN(g)], cns[commonName(g)] = true, true
	}
	matches := func(r rule) bool { return (r.dn != "" && dns[r.dn]) || (r.cn != "" && cns[r.cn]) }
	var role domain.RoleID
	if len(m.roles) > 0 {
		role = domain.RoleID(m.defaultRole)
		if i := slices.IndexFunc(m.roles, matches); i >= 0 {
			role = domain.RoleID(m.roles[i].gives)
		}
	}
	var mapped []string
	if len(m.groups) > 0 {
		mapped = []string{}
		for _, r := range m.groups {
			if matches(r) && !slices.Contains(mapped, r.gives) {
				mapped = append(mapped, r.gives)
			}
		}
	}
	return role, mapped
}

// foldDN returns a canonical form that is equal for equal DNs, which may differ in case, spaces and escapes.
func foldDN(text string) string {
	dn, err := ldap.ParseDN(text)
	if err != nil {
		return strings.ToLower(text)
	}
	return strings.ToLower(dn.String())
}

// commonName returns the value of the first RDN, in lower case.
func commonName(text string) string {
	dn, err := ldap.ParseDN(text)
	if err != nil || len(dn.RDNs) == 0 || len(dn.RDNs[0].Attributes) == 0 {
		return strings.ToLower(text)
	}
	return strings.ToLower(dn.RDNs[0].Attributes[0].Value)
}

// isUnder reports whether a DN lies at or below a base.
func isUnder(text, base string) bool {
	dn, err := ldap.ParseDN(text)
	if err != nil {
		return false
	}
	top, err := ldap.ParseDN(base)
	return err == nil && (top.AncestorOfFold(dn) || top.EqualFold(dn))
}

package ldapdir

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// mistakes collects the errors of the settings, so that all are reported at once.
type mistakes struct{ fault *fault.Error }

func (m *mistakes) add(key, reason string) {
	if m.fault == nil {
		m.fault = fault.ErrInvalid
	}
	m.fault = m.fault.About(key, reason)
}

func (m *mistakes) err() error {
	if m.fault == nil {
		return nil
	}
	return m.fault
}

// prepared is the result of validating the settings.
type prepared struct {
	servers []server
	roots   *x509.CertPool // nil: the machine's
}

// server is one URL of the configuration.
type server struct {
	url     string
	host    string
	address string // host:port
	tls     bool   // ldaps
}

var attributeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9;-]*$`)

// prepare validates the settings, reads the files that they name, and derives dependent values.
func (s *Settings) prepare(kind string) (prepared, error) {
	var m mistakes
	var p prepared
	s.checkServers(&m, &p)
	s.checkAuthorities(&m, &p)
	s.checkAccount(&m)
	s.checkDirectBind(&m)
	s.checkPasswords(&m)
	s.checkSearch(&m)
	s.checkAttributes(&m)
	s.checkGroups(&m, kind)
	s.checkRoles(&m)
	s.checkGroupMapping(&m)
	s.checkSuffixes(&m)
	s.checkLimits(&m)
	return p, m.err()
}

func (s *Settings) checkServers(m *mistakes, p *prepared) {
	if len(s.URLs) == 0 {
		m.add("urls", "is required: at least one ldaps:// or ldap:// URL")
	}
	for i, raw := range s.URLs {
		key := fmt.Sprintf("urls[%d]", i)
		u, err := url.Parse(raw)
		if err != nil || (u.Scheme != "ldap" && u.Scheme != "ldaps") || u.Hostname() == "" {
			m.add(key, "must be ldaps://host[:port] or ldap://host[:port]")
			continue
		}
		if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
			m.add(key, "must hold nothing after the host and port; the base goes into base_dn")
			continue
		}
		secure := u.Scheme == "ldaps"
		s.checkEncryption(m, key, u.Hostname(), secure)
		port := u.Port()
		if port == "" {
			port = map[bool]string{true: "636", false: "389"}[secure]
		}
		p.servers = append(p.servers, server{
			url: raw, host: u.Hostname(), address: net.JoinHostPort(u.Hostname(), port),
			tls: secure,
		})
	}
}

func (s *Settings) checkEncryption(m *mistakes, key, host string, secure bool) {
	if secure || s.StartTLS {
		return
	}
	switch {
	case !s.AllowPlaintext:
		m.add(key, "would send passwords unencrypted: use ldaps://, or set starttls: true")
	case !domain.IsLoopbackHost(strings.ToLower(host)):
		m.add(key, "would send passwords unencrypted: allow_plaintext works for loopback addresses only")
	}
}

func (s *Settings) checkAuthorities(m *mistakes, p *prepared) {
	if s.CAFile == "" {
		return
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		m.add("ca_file", "cannot be read: "+err.Error())
		return
	}
	p.roots = x509.NewCertPool()
	if !p.roots.AppendCertsFromPEM(pem) {
		m.add("ca_file", "holds no certificate in PEM form")
	}
}

func (s *Settings) checkAccount(m *mistakes) {
	hasPassword := s.BindPassword != "" || s.BindPasswordFile != ""
	s.readPassword(m)
	switch {
	case s.BindDN != "" && !hasPassword:
		m.add("bind_password", "is required with bind_dn: an empty one would be an anonymous bind")
	case s.BindDN == "" && hasPassword:
		m.add("bind_dn", "is required with bind_password")
	case s.BindDN == "" && len(s.DirectBind) == 0:
		m.add("bind_dn", "is required, with a service account that may search; or give direct_bind")
	case s.BindDN != "" && len(s.DirectBind) > 0:
		m.add("direct_bind", "is for directories without a service account; leave out either it or bind_dn")
	}
}

func (s *Settings) checkDirectBind(m *mistakes) {
	for i, template := range s.DirectBind {
		if !strings.Contains(template, "{login}") && !strings.Contains(template, "{name}") &&
			!strings.Contains(template, "{rdn}") {
			m.add(fmt.Sprintf("direct_bind[%d]", i), "must hold {login}, {name} or {rdn}")
		}
	}
}

func (s *Settings) checkPasswords(m *mistakes) {
	if !slices.Contains([]string{PasswordsNone, PasswordsChange, PasswordsReset}, s.Passwords) {
		m.add("passwords", "must be none, change or reset")
	}
	if s.Passwords == PasswordsReset && s.BindDN == "" {
		m.add("passwords", "cannot be reset without a service account (bind_dn)")
	}
}

func (s *Settings) readPassword(m *mistakes) {
	if s.BindPasswordFile == "" {
		return
	}
	if s.BindPassword != "" {
		m.add("bind_password_file", "cannot be given beside bind_password")
	}
	text, err := os.ReadFile(s.BindPasswordFile)
	if err != nil {
		m.add("bind_password_file", "cannot be read: "+err.Error())
		return
	}
	if s.BindPassword = strings.TrimRight(string(text), "\r\n"); s.BindPassword == "" {
		m.add("bind_password_file", "is empty, which would be an anonymous bind")
	}
}

func (s *Settings) checkSearch(m *mistakes) {
	if s.BaseDN == "" {
		m.add("base_dn", "is required: where people are searched, such as dc=example,dc=org")
	}
	for _, dn := range []struct{ key, value string }{
		{"base_dn", s.BaseDN}, {"groups.base_dn", s.Groups.BaseDN}, {"password_policy_dn", s.PasswordPolicy},
	} {
		if _, err := ldap.ParseDN(dn.value); err != nil {
			m.add(dn.key, "is not a DN: "+err.Error())
		}
	}
	for _, f := range []struct{ key, value string }{{"user_filter", s.UserFilter}, {"groups.filter", s.Groups.Filter}} {
		if _, err := ldap.CompileFilter(f.value); err != nil {
			m.add(f.key, "is not a search filter (RFC 4515): "+err.Error())
		}
	}
	if len(s.LoginAttributes) == 0 {
		m.add("login_attributes", "is required: the attributes that hold login names")
	}
	if s.Groups.BaseDN == "" {
		s.Groups.BaseDN = s.BaseDN
	}
}

func (s *Settings) checkAttributes(m *mistakes) {
	check := func(key, name string, required bool) {
		if (name == "" && required) || (name != "" && !attributeForm.MatchString(name)) {
			m.add(key, "must be the name of an attribute")
		}
	}
	check("attributes.subject", s.Attributes.Subject, true)
	check("attributes.username", s.Attributes.Username, true)
	check("attributes.email", s.Attributes.Email, false)
	for _, text := range domain.PersonTexts {
		check("attributes."+text.Name, s.Attributes.person()[text.Name], false)
	}
	check("disabled.attribute", s.Disabled.Attribute, len(s.Disabled.Values) > 0)
	check("groups.member_attribute", s.Groups.MemberAttribute, s.Groups.Mode == GroupsSearch)
	for i, name := range s.LoginAttributes {
		check(fmt.Sprintf("login_attributes[%d]", i), name, true)
	}
	reassigned := []string{
		"uid", "mail", "cn", "dn", "samaccountname", "userprincipalname", "distinguishedname",
		"uidnumber",
	}
	if slices.Contains(reassigned, strings.ToLower(s.Attributes.Subject)) {
		m.add("attributes.subject", "is given to other people later; use entryUUID, objectGUID or the like")
	}
	if s.Disabled.Attribute != "" && len(s.Disabled.Values) == 0 {
		m.add("disabled.values", "is required with disabled.attribute")
	}
}

func (s *Settings) checkGroups(m *mistakes, kind string) {
	switch s.Groups.Mode {
	case GroupsNone, GroupsMemberOf, GroupsSearch:
	case GroupsInChain:
		if kind != TypeActiveDirectory {
			m.add("groups.mode", "in_chain works on Active Directory only")
		}
	default:
		m.add("groups.mode", "must be none, memberof, search or in_chain")
	}
	if s.Groups.MemberValue != "dn" && s.Groups.MemberValue != "username" {
		m.add("groups.member_value", "must be dn or username")
	}
	if s.Groups.Mode == GroupsNone && len(s.Roles)+len(s.GroupMapping) > 0 {
		m.add("groups.mode", "is none, so no rule of roles or group_mapping can match")
	}
}

// administers reports whether a built-in role has administrative permissions; the catalog decides about others.
func administers(role string) bool {
	builtIn, _ := domain.BuiltInRole(domain.RoleID(role))
	return slices.ContainsFunc(builtIn.Permissions, domain.Permission.IsAdministrative)
}

func (s *Settings) checkRoles(m *mistakes) {
	for i, r := range s.Roles {
		key := fmt.Sprintf("roles[%d]", i)
		if r.Group == "" {
			m.add(key+".group", "is required: a group's DN or cn")
		}
		if _, err := domain.ParseRoleID("role", r.Role); err != nil {
			m.add(key+".role", "must be the id of a role")
		}
		if administers(r.Role) && !s.AllowAdmin {
			m.add(key+".role", "gives administrative permissions; set allow_admin: true if that is meant")
		}
	}
	if _, err := domain.ParseRoleID("role", s.DefaultRole); err != nil {
		m.add("default_role", "must be the id of a role")
	}
	if administers(s.DefaultRole) {
		m.add("default_role", "cannot be a role with administrative permissions")
	}
}

func (s *Settings) checkGroupMapping(m *mistakes) {
	for i, r := range s.GroupMapping {
		key := fmt.Sprintf("group_mapping[%d]", i)
		if r.Group == "" {
			m.add(key+".group", "is required: a group's DN or cn")
		}
		if err := domain.CheckGroupName(r.To); err != nil {
			m.add(key+".to", "must be the name of a group")
		}
	}
}

func (s *Settings) checkSuffixes(m *mistakes) {
	for i, suffix := range s.Suffixes {
		if suffix == "" || strings.ContainsAny(suffix, `@\ `) {
			m.add(fmt.Sprintf("suffixes[%d]", i), "must be a domain, such as example.org, or a NetBIOS name")
		}
		s.Suffixes[i] = strings.ToLower(suffix)
	}
}

func (s *Settings) checkLimits(m *mistakes) {
	for _, limit := range []struct {
		key   string
		value int64
	}{
		{"timeouts.connect", int64(s.Timeouts.Connect)},
		{"timeouts.request", int64(s.Timeouts.Request)},
		{"timeouts.operation", int64(s.Timeouts.Operation)},
		{"pool.size", int64(s.Pool.Size)},
		{"pool.max_logins", int64(s.Pool.MaxLogins)},
		{"pool.idle_timeout", int64(s.Pool.IdleTimeout)},
		{"pool.max_age", int64(s.Pool.MaxAge)},
		{"breaker.failures", int64(s.Breaker.Failures)},
		{"breaker.probe", int64(s.Breaker.Probe)},
	} {
		if limit.value <= 0 {
			m.add(limit.key, "must be more than zero")
		}
	}
	if s.PageSize < 1 || s.PageSize > 1000 {
		m.add("page_size", "must be 1 to 1000, the most that Active Directory gives")
	}
}

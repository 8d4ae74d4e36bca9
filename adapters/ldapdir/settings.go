package ldapdir

import "time"

// Settings configure one directory. Factories fill them by their yaml tags over the defaults of the type;
// docs/directories-ldap.md describes every key.
type Settings struct {
	URLs           []string `yaml:"urls"`            // ldap:// and ldaps://, tried in order
	StartTLS       bool     `yaml:"starttls"`        // encrypt ldap:// connections (RFC 4513 section 3)
	CAFile         string   `yaml:"ca_file"`         // PEM; empty: the machine's authorities
	ServerName     string   `yaml:"server_name"`     // the name in the certificate; empty: the host of the URL
	AllowPlaintext bool     `yaml:"allow_plaintext"` // ldap:// without StartTLS, to loopback addresses only

	BindDN           string `yaml:"bind_dn"` // the service account; Active Directory takes a UPN too
	BindPassword     string `yaml:"bind_password"`
	BindPasswordFile string `yaml:"bind_password_file"`
	// DirectBind are the names that are bound without a service account: {login} is the typed name, {name} that
	// without our suffix, and {rdn} the latter escaped for a DN.
	DirectBind []string `yaml:"direct_bind"`

	BaseDN          string     `yaml:"base_dn"`
	UserFilter      string     `yaml:"user_filter"`      // matches people
	LoginAttributes []string   `yaml:"login_attributes"` // compared with a login name
	Attributes      Attributes `yaml:"attributes"`
	Disabled        Disabled   `yaml:"disabled"`

	Groups       Groups      `yaml:"groups"`
	Roles        []RoleRule  `yaml:"roles"`        // the first match applies
	DefaultRole  string      `yaml:"default_role"` // if Roles are configured and none matches
	GroupMapping []GroupRule `yaml:"group_mapping"`
	AllowAdmin   bool        `yaml:"allow_admin"` // lets Roles and GroupMapping grant administrative permissions

	JustInTime     bool     `yaml:"just_in_time"`
	EmailVerified  bool     `yaml:"email_verified"` // the directory has verified its addresses
	Suffixes       []string `yaml:"suffixes"`
	Passwords      string   `yaml:"passwords"` // none, change or reset
	PasswordPolicy string   `yaml:"password_policy_dn"`

	Timeouts Timeouts `yaml:"timeouts"`
	Pool     Pool     `yaml:"pool"`
	Breaker  Breaker  `yaml:"breaker"`
	PageSize int      `yaml:"page_size"`
}

// Attributes are the names of the attributes that are mapped to identities.
type Attributes struct {
	Subject     string `yaml:"subject"` // never reassigned: entryUUID, objectGUID, nsUniqueId, ipaUniqueID
	Username    string `yaml:"username"`
	Email       string `yaml:"email"`
	FullName    string `yaml:"full_name"`
	PhoneNumber string `yaml:"phone_number"`
}

// person returns the attributes of the texts of a person by their names.
func (a Attributes) person() map[string]string {
	return map[string]string{"full_name": a.FullName, "phone_number": a.PhoneNumber}
}

// unmapped returns the names of the attributes that are not mapped.
func (a Attributes) unmapped() []string {
	var names []string
	if a.Email == "" {
		names = append(names, "email")
	}
	for name, attribute := range a.person() {
		if attribute == "" {
			names = append(names, name)
		}
	}
	return names
}

// Disabled identifies accounts that are disabled by an attribute of their entry, in addition to what the dialect
// supports.
type Disabled struct {
	Attribute string   `yaml:"attribute"`
	Values    []string `yaml:"values"` // compared without case
}

// The ways to find a person's groups.
const (
	GroupsNone     = "none"
	GroupsMemberOf = "memberof" // from the person's memberOf
	GroupsSearch   = "search"   // by searching the groups that name the person
	GroupsInChain  = "in_chain" // Active Directory's own nested search
)

// Groups configures how a person's groups are found.
type Groups struct {
	Mode            string `yaml:"mode"`
	BaseDN          string `yaml:"base_dn"` // empty: the directory's base_dn
	Filter          string `yaml:"filter"`
	MemberAttribute string `yaml:"member_attribute"`
	MemberValue     string `yaml:"member_value"` // the content of MemberAttribute: dn or username
	Nested          bool   `yaml:"nested"`
}

// RoleRule assigns a role to the members of a group, named by its DN or its cn.
type RoleRule struct {
	Group string `yaml:"group"`
	Role  string `yaml:"role"`
}

// GroupRule maps a directory's group to a group of ours.
type GroupRule struct {
	Group string `yaml:"group"`
	To    string `yaml:"to"`
}

// The supported password operations.
const (
	PasswordsNone   = "none"
	PasswordsChange = "change" // by the person, with the current one
	PasswordsReset  = "reset"  // also by the service account, for resets
)

// Timeouts limit waits for the server.
type Timeouts struct {
	Connect   time.Duration `yaml:"connect"`   // up to an encrypted connection
	Request   time.Duration `yaml:"request"`   // for each answer
	Operation time.Duration `yaml:"operation"` // for a whole login, look-up or change
}

// Pool limits the connections to the server.
type Pool struct {
	Size        int           `yaml:"size"`       // of the service account
	MaxLogins   int           `yaml:"max_logins"` // concurrent connections that check passwords
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	MaxAge      time.Duration `yaml:"max_age"`
}

// Breaker configures when a failing server gets no more calls, and how often it is probed then.
type Breaker struct {
	Failures int `yaml:"failures"` // consecutive outages that open it
	// between the probes of an open one; longer with each that fails, up to a minute
	Probe time.Duration `yaml:"probe"`
}

// The directory types.
const (
	TypeLDAP            = "ldap"
	TypeActiveDirectory = "activedirectory"
)

// Defaults returns the default settings of a type.
func Defaults(kind string) Settings {
	s := Settings{
		UserFilter: "(objectClass=inetOrgPerson)", LoginAttributes: []string{"uid"},
		Attributes: Attributes{
			Subject: "entryUUID", Username: "uid", Email: "mail", FullName: "displayName",
			PhoneNumber: "telephoneNumber",
		},
		Groups: Groups{
			Mode: GroupsSearch, Filter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
			MemberAttribute: "member", MemberValue: "dn", Nested: true,
		},
		DefaultRole: "user", JustInTime: true, EmailVerified: true, Passwords: PasswordsChange,
		Timeouts: Timeouts{Connect: 3 * time.Second, Request: 5 * time.Second, Operation: 10 * time.Second},
		Pool:     Pool{Size: 4, MaxLogins: 16, IdleTimeout: 5 * time.Minute, MaxAge: 30 * time.Minute},
		Breaker:  Breaker{Failures: 3, Probe: 5 * time.Second},
		PageSize: 500,
	}
	if kind == TypeActiveDirectory {
		s.UserFilter = "(&(objectCategory=person)(objectClass=user))"
		s.LoginAttributes = []string{"sAMAccountName", "userPrincipalName"}
		s.Attributes.Subject, s.Attributes.Username = "objectGUID", "sAMAccountName"
		s.Groups.Mode, s.Groups.Filter = GroupsInChain, "(objectCategory=group)"
	}
	return s
}

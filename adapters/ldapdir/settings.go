package ldapdir

import "time"

// Settings configure one directory. Factories fill them by their koanf tags over the defaults of the type;
// docs/directories-ldap.md describes every key.
type Settings struct {
	URLs           []string `koanf:"urls"`            // ldap:// and ldaps://, tried in order
	StartTLS       bool     `koanf:"starttls"`        // encrypt ldap:// connections (RFC 4513 section 3)
	CAFile         string   `koanf:"ca_file"`         // PEM; empty: the machine's authorities
	ServerName     string   `koanf:"server_name"`     // the name in the certificate; empty: the host of the URL
	AllowPlaintext bool     `koanf:"allow_plaintext"` // ldap:// without StartTLS, to loopback addresses only

	BindDN           string `koanf:"bind_dn"` // the service account; Active Directory takes a UPN too
	BindPassword     string `koanf:"bind_password"`
	BindPasswordFile string `koanf:"bind_password_file"`
	// DirectBind are the names that are bound without a service account: {login} is the typed name, {name} that
	// without our suffix, and {rdn} the latter escaped for a DN.
	DirectBind []string `koanf:"direct_bind"`

	BaseDN          string     `koanf:"base_dn"`
	UserFilter      string     `koanf:"user_filter"`      // matches people
	LoginAttributes []string   `koanf:"login_attributes"` // compared with a login name
	Attributes      Attributes `koanf:"attributes"`
	Disabled        Disabled   `koanf:"disabled"`

	Groups       Groups      `koanf:"groups"`
	Roles        []RoleRule  `koanf:"roles"`        // the first match applies
	DefaultRole  string      `koanf:"default_role"` // if Roles are configured and none matches
	GroupMapping []GroupRule `koanf:"group_mapping"`
	AllowAdmin   bool        `koanf:"allow_admin"` // lets Roles and GroupMapping grant administrative permissions

	JustInTime     bool     `koanf:"just_in_time"`
	EmailVerified  bool     `koanf:"email_verified"` // the directory has verified its addresses
	Suffixes       []string `koanf:"suffixes"`
	Passwords      string   `koanf:"passwords"` // none, change or reset
	PasswordPolicy string   `koanf:"password_policy_dn"`

	Timeouts Timeouts `koanf:"timeouts"`
	Pool     Pool     `koanf:"pool"`
	Breaker  Breaker  `koanf:"breaker"`
	PageSize int      `koanf:"page_size"`
}

// Attributes are the names of the attributes that are mapped to identities.
type Attributes struct {
	Subject     string `koanf:"subject"` // never reassigned: entryUUID, objectGUID, nsUniqueId, ipaUniqueID
	Username    string `koanf:"username"`
	Email       string `koanf:"email"`
	FullName    string `koanf:"full_name"`
	PhoneNumber string `koanf:"phone_number"`
}

// Disabled identifies accounts that are disabled by an attribute of their entry, in addition to what the dialect
// supports.
type Disabled struct {
	Attribute string   `koanf:"attribute"`
	Values    []string `koanf:"values"` // compared without case
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
	Mode            string `koanf:"mode"`
	BaseDN          string `koanf:"base_dn"` // empty: the directory's base_dn
	Filter          string `koanf:"filter"`
	MemberAttribute string `koanf:"member_attribute"`
	MemberValue     string `koanf:"member_value"` // the content of MemberAttribute: dn or username
	Nested          bool   `koanf:"nested"`
}

// RoleRule assigns a role to the members of a group, named by its DN or its cn.
type RoleRule struct {
	Group string `koanf:"group"`
	Role  string `koanf:"role"`
}

// GroupRule maps a directory's group to a group of ours.
type GroupRule struct {
	Group string `koanf:"group"`
	To    string `koanf:"to"`
}

// The supported password operations.
const (
	PasswordsNone   = "none"
	PasswordsChange = "change" // by the person, with the current one
	PasswordsReset  = "reset"  // also by the service account, for resets
)

// Timeouts limit waits for the server.
type Timeouts struct {
	Connect   time.Duration `koanf:"connect"`   // up to an encrypted connection
	Request   time.Duration `koanf:"request"`   // for each answer
	Operation time.Duration `koanf:"operation"` // for a whole login, look-up or change
}

// Pool limits the connections to the server.
type Pool struct {
	Size        int           `koanf:"size"`       // of the service account
	MaxLogins   int           `koanf:"max_logins"` // concurrent connections that check passwords
	IdleTimeout time.Duration `koanf:"idle_timeout"`
	MaxAge      time.Duration `koanf:"max_age"`
}

// Breaker configures when a failing server gets no more calls, and how often it is probed then.
type Breaker struct {
	Failures int           `koanf:"failures"` // consecutive outages that open it
	Probe    time.Duration `koanf:"probe"`    // between the probes of an open one; longer with each that fails, up to a minute
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
		Attributes: Attributes{Subject: "entryUUID", Username: "uid", Email: "mail", FullName: "displayName", PhoneNumber: "telephoneNumber"},
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

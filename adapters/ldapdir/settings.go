package ldapdir

import "time"

// Settings configure one directory. Factories fill them by their koanf tags over the defaults of the type; every key is
// described in docs/directories-ldap.md.
type Settings struct {
	URLs           []string `koanf:"urls"`            // ldap:// and ldaps://, tried in order
	StartTLS       bool     `koanf:"starttls"`        // encrypt ldap:// connections (RFC 4513 section 3)
	CAFile         string   `koanf:"ca_file"`         // PEM; empty: the machine's authorities
	ServerName     string   `koanf:"server_name"`     // the name in the certificate; empty: the host of the URL
	AllowPlaintext bool     `koanf:"allow_plaintext"` // ldap:// without StartTLS, to loopback addresses only

	BindDN           string `koanf:"bind_dn"` // the service account; Active Directory takes a UPN too
	BindPassword     string `koanf:"bind_password"`
	BindPasswordFile string `koanf:"bind_password_file"`
	// DirectBind are the names that are bound when there is no service account: {login} is what was typed, {name} that without
	// our suffix, and {rdn} the latter escaped for a DN.
	DirectBind []string `koanf:"direct_bind"`

	BaseDN          string     `koanf:"base_dn"`
	UserFilter      string     `koanf:"user_filter"`      // who is a person
	LoginAttributes []string   `koanf:"login_attributes"` // what a login name is compared with
	Attributes      Attributes `koanf:"attributes"`
	Disabled        Disabled   `koanf:"disabled"`

	Groups       Groups      `koanf:"groups"`
	Roles        []RoleRule  `koanf:"roles"`        // the first that matches gives the role
	DefaultRole  string      `koanf:"default_role"` // where Roles are given and none matches
	GroupMapping []GroupRule `koanf:"group_mapping"`
	AllowAdmin   bool        `koanf:"allow_admin"` // lets Roles and GroupMapping give administrative permissions

	JustInTime     bool     `koanf:"just_in_time"`
	EmailVerified  bool     `koanf:"email_verified"` // the directory vouches for its addresses
	Suffixes       []string `koanf:"suffixes"`
	Passwords      string   `koanf:"passwords"` // none, change or reset
	PasswordPolicy string   `koanf:"password_policy_dn"`

	Timeouts Timeouts `koanf:"timeouts"`
	Pool     Pool     `koanf:"pool"`
	Breaker  Breaker  `koanf:"breaker"`
	PageSize int      `koanf:"page_size"`
}

// Attributes name the attributes that identities are made of.
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

// How the groups of a person are found.
const (
	GroupsNone     = "none"
	GroupsMemberOf = "memberof" // from the person's memberOf
	GroupsSearch   = "search"   // by searching the groups that name the person
	GroupsInChain  = "in_chain" // Active Directory's own nested search
)

// Groups say how the groups of a person are found.
type Groups struct {
	Mode            string `koanf:"mode"`
	BaseDN          string `koanf:"base_dn"` // empty: the directory's base_dn
	Filter          string `koanf:"filter"`
	MemberAttribute string `koanf:"member_attribute"`
	MemberValue     string `koanf:"member_value"` // what MemberAttribute holds: dn or username
	Nested          bool   `koanf:"nested"`
}

// RoleRule gives a role to the members of a group, named by its DN or its cn.
type RoleRule struct {
	Group string `koanf:"group"`
	Role  string `koanf:"role"`
}

// GroupRule makes the members of a directory's group members of a group of ours.
type GroupRule struct {
	Group string `koanf:"group"`
	To    string `koanf:"to"`
}

// What may be done to passwords through us.
const (
	PasswordsNone   = "none"
	PasswordsChange = "change" // by the person, who proves the present one
	PasswordsReset  = "reset"  // also by the service account, for resets
)

// Timeouts bound what waits for the server.
type Timeouts struct {
	Connect   time.Duration `koanf:"connect"`   // up to an encrypted connection
	Request   time.Duration `koanf:"request"`   // for each answer
	Operation time.Duration `koanf:"operation"` // for a whole login, look-up or change
}

// Pool bounds the connections to the server.
type Pool struct {
	Size        int           `koanf:"size"`       // of the service account
	MaxLogins   int           `koanf:"max_logins"` // connections that check passwords at the same time
	IdleTimeout time.Duration `koanf:"idle_timeout"`
	MaxAge      time.Duration `koanf:"max_age"`
}

// Breaker says when a server is left alone, and how often it is probed then.
type Breaker struct {
	Failures int           `koanf:"failures"` // outages in a row that open it
	Probe    time.Duration `koanf:"probe"`    // between the probes of an open one; longer with each that fails, up to a minute
}

// The directory types.
const (
	TypeLDAP            = "ldap"
	TypeActiveDirectory = "activedirectory"
)

// Defaults returns the settings of a type before the configuration is read over them.
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

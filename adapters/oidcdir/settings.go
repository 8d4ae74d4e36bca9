package oidcdir

import (
	"cmp"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Settings configure one provider. New validates them; a zero value of an optional setting means its default.
type Settings struct {
	// Issuer is exactly the provider's issuer, with or without a trailing slash as the provider writes it.
	Issuer           string `yaml:"issuer"`
	ClientID         string `yaml:"client_id"`
	ClientSecret     string `yaml:"client_secret"`      // none for a public client
	ClientSecretFile string `yaml:"client_secret_file"` // read instead of ClientSecret
	// ClientAuth is basic, post or none; the default is the provider's preference, or none without a secret.
	ClientAuth  string   `yaml:"client_auth"`
	DisplayName string   `yaml:"display_name"` // on login pages; default the directory's id
	Scopes      []string `yaml:"scopes"`       // default openid, profile, email
	// Algorithms lists the accepted signature algorithms; default RS256, ES256, EdDSA. Only asymmetric ones are
	// allowed.
	Algorithms []string `yaml:"algorithms"`

	Claims         ClaimNames         `yaml:"claims"`
	RequiredClaims []ClaimRequirement `yaml:"required_claims"`
	Roles          []RoleRule         `yaml:"roles"`
	DefaultRole    string             `yaml:"default_role"` // where Roles are given and none matches; default user
	GroupMapping   []GroupRule        `yaml:"group_mapping"`
	// AllowAdmin lets roles, default_role and group_mapping grant administrative permissions.
	AllowAdmin bool `yaml:"allow_admin"`

	JustInTime   bool          `yaml:"just_in_time"` // make a user at the first sign-in
	Trusted      bool          `yaml:"trusted"`      // its verified addresses may lead to an existing account
	Suffixes     []string      `yaml:"suffixes"`     // logins "name@domain" that belong here
	SecondFactor SecondFactor  `yaml:"second_factor"`
	MaxAge       time.Duration `yaml:"max_age"` // the provider's login may be this old; 0: any age
	Prompt       string        `yaml:"prompt"`  // auto (default), consent, login, select_account or omit
	UserInfo     string        `yaml:"userinfo"`
	// OfflineAccess requests a refresh token, so that sessions end when the provider ends them.
	OfflineAccess bool `yaml:"offline_access"`
	// AuthorizeParams are further parameters of the authorization request, such as hd or domain_hint.
	AuthorizeParams map[string]string `yaml:"authorize_params"`
	Entra           Entra             `yaml:"entra"`

	Timeout          time.Duration `yaml:"timeout"`           // of one sign-in step as a whole; default 4s
	BreakerReset     time.Duration `yaml:"breaker_reset"`     // rest after five outages in a row; default 10s
	KeysRefresh      time.Duration `yaml:"keys_refresh"`      // age at which keys are fetched again; default 1h
	DiscoveryRefresh time.Duration `yaml:"discovery_refresh"` // age at which metadata is fetched again; default 1h
	ClockSkew        time.Duration `yaml:"clock_skew"`        // tolerated difference of clocks; default 1m

	AllowPrivateAddresses bool   `yaml:"allow_private_addresses"`
	AllowHTTPLoopback     bool   `yaml:"allow_http_loopback"` // plain http to this machine, for trying things out
	CAFile                string `yaml:"ca_file"`             // PEM; trusted beside the system's
	ProxyURL              string `yaml:"proxy_url"`
}

// ClaimNames are the names of the mapped claims. A path such as realm_access.roles selects a member of an object; a
// claim whose own name contains dots takes precedence.
type ClaimNames struct {
	Username      string `yaml:"username"`       // default preferred_username, else a verified email, else sub
	Email         string `yaml:"email"`          // default email
	EmailVerified string `yaml:"email_verified"` // default email_verified; xms_edov with Entra ID
	FullName      string `yaml:"full_name"`      // default name
	PhoneNumber   string `yaml:"phone_number"`   // default phone_number
	Groups        string `yaml:"groups"`         // default groups
	Roles         string `yaml:"roles"`          // default the groups claim
	// Separator divides groups and roles that come as one text, as "," or a space. Without it the text is one value.
	Separator string `yaml:"separator"`
}

// person returns the claims of the texts of a person by their names.
func (n ClaimNames) person() map[string]string {
	return map[string]string{"full_name": n.FullName, "phone_number": n.PhoneNumber}
}

// standardClaims are the claims of OpenID Connect Core section 5.4 with the scopes that request them.
var standardClaims = map[string]string{"email": "email", "name": "profile", "phone_number": "phone"}

// unmapped returns the attributes that the provider is not asked for, and did not give unasked. The absence of a claim
// of a requested scope, or of a claim with a name of its own, means that the user has no value.
func (s Settings) unmapped(given claims) []string {
	mapped := s.Claims.person()
	mapped["email"] = s.Claims.Email
	var names []string
	for name, claim := range mapped {
		scope, standard := standardClaims[claim]
		if standard && !slices.Contains(s.Scopes, scope) && !given.has(claim) {
			names = append(names, name)
		}
	}
	return names
}

// ClaimRequirement refuses users whose claim has none of the values.
type ClaimRequirement struct {
	Claim  string   `yaml:"claim"`
	Values []string `yaml:"values"`
}

// RoleRule assigns a role if the roles claim has the value. The first matching rule applies.
type RoleRule struct {
	Value string `yaml:"value"`
	Role  string `yaml:"role"`
}

// GroupRule adds a user to a group of ours if the groups claim has the value. All matching rules apply.
type GroupRule struct {
	Value string `yaml:"value"`
	To    string `yaml:"to"`
}

// SecondFactor lists the provider's claims that count as our second factor. Without any, our own is required.
type SecondFactor struct {
	AMR        []string `yaml:"amr"`
	ACR        []string `yaml:"acr"`
	RequestACR []string `yaml:"request_acr"` // sent as acr_values
}

// Entra is Microsoft's multi-tenant form, where each tenant is an issuer of its own.
type Entra struct {
	MultiTenant bool     `yaml:"multi_tenant"`
	Tenants     []string `yaml:"tenants"` // tenant ids that may sign in
}

const (
	defaultTimeout      = 4 * time.Second
	defaultBreakerReset = 10 * time.Second
	defaultRefresh      = time.Hour
	defaultSkew         = time.Minute
	googleIssuer        = "https://accounts.google.com"
)

// defaults returns s with the defaults of unset fields.
func (s Settings) defaults(id string) Settings {
	s.DisplayName = cmp.Or(s.DisplayName, id)
	s.Prompt = cmp.Or(s.Prompt, promptAuto)
	s.UserInfo = cmp.Or(s.UserInfo, userInfoAuto)
	s.Scopes = orList(s.Scopes, "openid", "profile", "email")
	s.Algorithms = orList(s.Algorithms, "RS256", "ES256", "EdDSA")
	s.Claims.Email = cmp.Or(s.Claims.Email, "email")
	s.Claims.EmailVerified = cmp.Or(s.Claims.EmailVerified, "email_verified")
	s.Claims.FullName = cmp.Or(s.Claims.FullName, "name")
	s.Claims.PhoneNumber = cmp.Or(s.Claims.PhoneNumber, "phone_number")
	s.Claims.Groups = cmp.Or(s.Claims.Groups, "groups")
	s.Claims.Roles = cmp.Or(s.Claims.Roles, s.Claims.Groups)
	s.DefaultRole = cmp.Or(s.DefaultRole, string(domain.RoleUser))
	s.Timeout = cmp.Or(s.Timeout, defaultTimeout)
	s.BreakerReset = cmp.Or(s.BreakerReset, defaultBreakerReset)
	s.KeysRefresh = cmp.Or(s.KeysRefresh, defaultRefresh)
	s.DiscoveryRefresh = cmp.Or(s.DiscoveryRefresh, defaultRefresh)
	s.ClockSkew = cmp.Or(s.ClockSkew, defaultSkew)
	return s
}

func orList(values []string, otherwise ...string) []string {
	if len(values) == 0 {
		return otherwise
	}
	return values
}

package domain

import (
	"net/netip"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// PrincipalKind says what a request acts as.
type PrincipalKind string

// The kinds of principals.
const (
	PrincipalAnonymous PrincipalKind = "anonymous"
	PrincipalUser      PrincipalKind = "user"
	PrincipalAPIKey    PrincipalKind = "api_key"
	PrincipalTPT       PrincipalKind = "tpt"
	PrincipalCLI       PrincipalKind = "cli"    // an operator on the machine; holds "*"
	PrincipalSystem    PrincipalKind = "system" // the service itself; holds "*"
)

// Scope narrows what a principal may do whatever it holds.
type Scope string

// ScopeEnrollment lets a user do nothing but set up the second factor that their role must have.
const ScopeEnrollment Scope = "two_factor_enrollment"

// Origin is where a request came from.
type Origin struct {
	Address   netip.Addr // the client's, behind trusted proxies; the zero Addr for the command line and jobs
	UserAgent string
	RequestID string
}

// IP returns the address in text, empty where there is none.
func (o Origin) IP() string {
	if !o.Address.IsValid() {
		return ""
	}
	return o.Address.String()
}

// Network returns the source that attempts are counted for: an IPv4 address, or the /64 of an IPv6 one.
func (o Origin) Network() string {
	if a := o.Address.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return o.Address.Unmap().String()
}

// Networks is a set of addresses.
type Networks []netip.Prefix

// Contains reports whether the request came from one of the networks.
func (n Networks) Contains(from Origin) bool {
	address := from.Address.Unmap().WithZone("")
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(address) })
}

// Principal is who a request acts as, with all that it may do at this moment. The zero value may do nothing.
type Principal struct {
	Kind      PrincipalKind
	UserID    UserID // the user, or the owner of the key
	Username  string
	SessionID SessionID
	KeyID     KeyID
	TokenID   string // of a third-party token
	Role      RoleID
	Level     int // of the role, for the Users API
	Grants    Grants
	Scope     Scope
	AuthTime  time.Time
	ExpiresAt time.Time // when the credential stops working if nothing more happens
	Origin    Origin
}

// Anonymous returns the principal of a request without credentials.
func Anonymous(from Origin) Principal { return Principal{Kind: PrincipalAnonymous, Origin: from} }

// Operator returns the principal of the command line.
func Operator() Principal {
	return Principal{Kind: PrincipalCLI, Grants: Grants{{Source: "cli", Permission: PermissionAll}}}
}

// System returns the principal of the service's own jobs.
func System() Principal {
	return Principal{Kind: PrincipalSystem, Grants: Grants{{Source: "system", Permission: PermissionAll}}}
}

// IsSelf reports whether the principal is this user in a sign-in session. An API key is never its owner: it can be
// narrower, and its permissions alone decide what it does to the owner.
func (p *Principal) IsSelf(id UserID) bool { return p.Kind == PrincipalUser && p.BelongsTo(id) }

// BelongsTo reports whether the principal is this user in a session or one of the user's API keys. It opens the user's
// profile for reading and tells a refusal from an object that does not exist; it gives no right to change anything.
func (p *Principal) BelongsTo(id UserID) bool { return p.UserID != "" && p.UserID == id }

// Credential returns what tells the credential of the principal from all others: the session, the API key or the
// third-party token. Access tokens and the cookie of one session are the same credential. A principal without any is
// told apart by Actor.
func (p *Principal) Credential() string {
	switch {
	case p.Kind == PrincipalUser && p.SessionID != "":
		return string(p.SessionID)
	case p.Kind == PrincipalAPIKey && p.KeyID != "":
		return string(p.KeyID)
	default:
		return p.Actor()
	}
}

// Can reports whether the principal holds the permission and no scope narrows it away.
func (p *Principal) Can(permission Permission) bool { return p.Scope == "" && p.Grants.Has(permission) }

// RequireSignedIn returns nil for a principal that is somebody and whom no scope narrows, else the failure to answer with.
func (p *Principal) RequireSignedIn() error {
	switch {
	case p.Kind == "" || p.Kind == PrincipalAnonymous:
		return fault.ErrUnauthorized
	case p.Scope == ScopeEnrollment:
		return ErrEnrollmentRequired
	}
	return nil
}

// Require returns nil when the principal holds the permission, else the failure to answer with.
func (p *Principal) Require(permission Permission) error {
	if err := p.RequireSignedIn(); err != nil {
		return err
	}
	if !p.Grants.Has(permission) {
		return fault.ErrForbidden
	}
	return nil
}

// Actor returns what the audit trail writes as who acted: the user's id, or the kind for what is no user.
func (p *Principal) Actor() string {
	switch p.Kind {
	case PrincipalCLI, PrincipalSystem:
		return string(p.Kind)
	case PrincipalTPT:
		return "tpt:" + p.TokenID
	default:
		return string(p.UserID)
	}
}

package domain

import (
	"net/netip"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// PrincipalKind is the kind of a principal.
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

// Scope restricts a principal, regardless of its grants.
type Scope string

// ScopeEnrollment restricts a user to setting up the second factor that the role requires.
const ScopeEnrollment Scope = "two_factor_enrollment"

// Origin is the source of a request.
type Origin struct {
	Address   netip.Addr // the client's, behind trusted proxies; the zero Addr for the command line and jobs
	UserAgent string
	RequestID string
}

// IP returns the address in text, or "" if there is none.
func (o Origin) IP() string {
	if !o.Address.IsValid() {
		return ""
	}
	return o.Address.String()
}

// Network returns the source that attempts are counted for: an IPv4 address, or the /64 prefix of an IPv6 address.
func (o Origin) Network() string {
	if a := o.Address.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return o.Address.Unmap().String()
}

// IsLoopbackHost reports whether a host name or address is this machine's own.
func IsLoopbackHost(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// Networks is a set of addresses.
type Networks []netip.Prefix

// Contains reports whether the request came from one of the networks.
func (n Networks) Contains(from Origin) bool {
	address := from.Address.Unmap().WithZone("")
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(address) })
}

// Principal is who a request acts as, with all its current permissions. The zero value has none.
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
	ExpiresAt time.Time // when the credential expires without further activity
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

// IsSelf reports whether the principal is this user in a session. An API key is never its owner: it can have fewer
// permissions, and only those decide what it may do to the owner.
func (p *Principal) IsSelf(id UserID) bool { return p.Kind == PrincipalUser && p.BelongsTo(id) }

// BelongsTo reports whether the principal is this user in a session or one of the user's API keys. It allows reading
// the user's profile and distinguishes a refusal from an object that does not exist; it does not allow any change.
func (p *Principal) BelongsTo(id UserID) bool { return p.UserID != "" && p.UserID == id }

// Credential returns the identifier of the principal's credential: the session, the API key or the third-party token.
// The tokens of one session are the same credential. For a principal without any it returns Actor.
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

// Can reports whether the principal has the permission and no scope restricts it.
func (p *Principal) Can(permission Permission) bool { return p.Scope == "" && p.Grants.Has(permission) }

// RequireSignedIn returns nil for an authenticated principal without a restricting scope, and otherwise the error to
// return.
func (p *Principal) RequireSignedIn() error {
	switch {
	case p.Kind == "" || p.Kind == PrincipalAnonymous:
		return fault.ErrUnauthorized
	case p.Scope == ScopeEnrollment:
		return ErrEnrollmentRequired
	}
	return nil
}

// Require returns nil if the principal has the permission, and otherwise the error to return.
func (p *Principal) Require(permission Permission) error {
	if err := p.RequireSignedIn(); err != nil {
		return err
	}
	if !p.Grants.Has(permission) {
		return fault.ErrForbidden
	}
	return nil
}

// Actor returns the actor for the audit log: the user's ID, or the kind for a principal that is not a user.
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

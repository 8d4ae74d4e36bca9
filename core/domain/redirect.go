package domain

import (
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// RedirectStart is where to redirect a browser, and the flow to store until it returns.
type RedirectStart struct {
	URL  string
	Flow RedirectFlow
}

// RedirectFlow is one login through a provider, from the start to the callback. It is stored sealed, is used once and
// expires after ten minutes.
type RedirectFlow struct {
	Directory DirectoryID
	State     string
	Nonce     string
	Verifier  string // PKCE towards the provider (RFC 7636)
	Callback  string
	Fresh     bool // requires authentication at the provider again
	StartedAt time.Time
}

// RedirectCallback contains the parameters of a provider's response.
type RedirectCallback struct {
	Code             string
	State            string
	Issuer           string // "iss" (RFC 9207)
	Error            string
	ErrorDescription string
}

// RedirectResult is the authenticated identity, and the provider's data for tracking its session.
type RedirectResult struct {
	Identity        Identity
	Grant           string // the provider's refresh token; empty if it returned none
	IDToken         string // for RP-initiated logout; empty if it is too long for that
	ProviderSession string // "sid", for back-channel logout
	AuthTime        time.Time
}

// ProviderLogout is the scope of a back-channel logout token: one session of the provider, or all sessions of a
// subject.
type ProviderLogout struct {
	Directory       DirectoryID
	Subject         Subject
	ProviderSession string
	TokenID         string // "jti", accepted once
	IssuedAt        time.Time
}

// CheckStep is one step of a directory check: what was tested, whether it succeeded, and advice if it did not.
type CheckStep struct {
	Name   string
	OK     bool
	Detail string
	Advice string
}

// The errors of login through a provider.
var (
	// ErrRedirectLogin means that a login was refused; the cause is the reason for the audit log.
	ErrRedirectLogin = fault.New(fault.Unauthenticated, "unauthorized", "Sign-in through the provider was refused")
	// ErrLogoutToken means that a back-channel logout token was refused; the cause is the reason.
	ErrLogoutToken = fault.New(fault.Invalid, "invalid_request", "The logout token was refused")
	// ErrProviderSessionEnded means that the provider has ended its session.
	ErrProviderSessionEnded = fault.New(fault.Unauthenticated, "unauthorized", "The provider has ended the session")
)

package domain

import (
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// RedirectStart is where to send a browser, and what to keep until it comes back.
type RedirectStart struct {
	URL  string
	Flow RedirectFlow
}

// RedirectFlow is one sign-in through a provider, from the start to the callback. It is kept sealed, is used once and
// lives for ten minutes.
type RedirectFlow struct {
	Directory DirectoryID
	State     string
	Nonce     string
	Verifier  string // PKCE towards the provider (RFC 7636)
	Callback  string
	Fresh     bool // the person had to sign in again at the provider
	StartedAt time.Time
}

// RedirectCallback holds the parameters of a provider's answer.
type RedirectCallback struct {
	Code             string
	State            string
	Issuer           string // "iss" (RFC 9207)
	Error            string
	ErrorDescription string
}

// RedirectResult is who signed in, and what the provider gave to follow its session.
type RedirectResult struct {
	Identity        Identity
	Grant           string // the provider's refresh token; empty where it gave none
	IDToken         string // for RP-initiated logout; empty where it is too long for that
	ProviderSession string // "sid", for back-channel logout
	AuthTime        time.Time
}

// ProviderLogout is what a back-channel logout token ends: one session of the provider, or all of a subject.
type ProviderLogout struct {
	Directory       DirectoryID
	Subject         Subject
	ProviderSession string
	TokenID         string // "jti", accepted once
	IssuedAt        time.Time
}

// CheckStep is one line of a directory check: what was tried, whether it worked, and in plain words what to do if not.
type CheckStep struct {
	Name   string
	OK     bool
	Detail string
	Advice string
}

// The failures of sign-in through a provider.
var (
	// ErrRedirectLogin is a sign-in that was refused; the cause holds why, for the audit trail.
	ErrRedirectLogin = fault.New(fault.Unauthenticated, "unauthorized", "Sign-in through the provider was refused")
	// ErrLogoutToken is a back-channel logout token that was refused; the cause holds why.
	ErrLogoutToken = fault.New(fault.Invalid, "invalid_request", "The logout token was refused")
	// ErrProviderSessionEnded means that the provider has ended its session.
	ErrProviderSessionEnded = fault.New(fault.Unauthenticated, "unauthorized", "The provider has ended the session")
)

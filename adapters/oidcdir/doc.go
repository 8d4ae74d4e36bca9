// Package oidcdir signs people in through an OpenID Connect provider: Entra ID, Google, Okta, Keycloak, Zitadel or any
// other that conforms to OpenID Connect Core 1.0.
//
// A sign-in has two halves. Start makes the address of the provider's login page (authorization code flow with state,
// nonce and PKCE S256) and a flow for the core to keep. Finish takes what the browser brought back, exchanges the code
// and checks the ID token: its signature under a key and an algorithm of our list, type, exact issuer, audience,
// authorized party, times, nonce, at_hash, subject, and that no claim comes twice or in another spelling. The claims are
// then mapped to an identity by explicit rules.
//
// The provider's metadata and keys are fetched when they are first needed, cached, and fetched again at intervals, so
// that a provider that is down harms nobody at start and a withdrawn key dies. Keys are fetched at most once in ten
// seconds, whatever tokens come in. Every call ends within the configured time, answers are limited to 1 MiB, redirects
// are not followed, and private addresses are reached only where the configuration says so.
//
// An outage is always domain.ErrDirectoryUnavailable; a refused sign-in is domain.ErrRedirectLogin with the reason as its
// cause. After five outages in a row the provider is left alone for a while (a circuit breaker).
package oidcdir

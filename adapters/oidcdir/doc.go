// Package oidcdir signs people in through an OpenID Connect provider: Entra ID, Google, Okta, Keycloak, Zitadel or any
// other that conforms to OpenID Connect Core 1.0.
//
// A sign-in has two halves. Start returns the URL of the provider's login page (authorization code flow with state,
// nonce and PKCE S256) and a flow for the core to store. Finish validates the callback, exchanges the code and
// verifies the ID token: its signature under an allowed key and algorithm, type, exact issuer, audience, authorized
// party, times, nonce, at_hash, subject, and that no claim is duplicated or in another spelling. The claims are then
// mapped to an identity by explicit rules.
//
// The provider's metadata and keys are fetched on first use, cached, and refreshed at intervals, so that a provider
// outage does not affect the start and a withdrawn key expires. Keys are fetched at most once in ten seconds,
// whatever tokens are presented. Both are one value each with an age (cached), not a cache of many: what matters is
// when a fetch is allowed and how long an old value is valid. Every call ends within the configured timeout, responses
// are limited to 1 MiB, redirects are not followed, and private addresses are reached only if the configuration allows
// it.
//
// An outage is always domain.ErrDirectoryUnavailable; a refused sign-in is domain.ErrRedirectLogin with the reason as
// its cause. After five consecutive outages a circuit breaker pauses requests to the provider.
package oidcdir

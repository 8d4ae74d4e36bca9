// Package sso implements login through OpenID providers and tracks the sessions there.
//
// A login has these steps. Start creates a flow (valid for ten minutes, single-use, bound to the browser by a secret)
// and sends the browser to the provider. Callback consumes the flow, makes the directory verify the provider's
// response, finds or creates the user, and redirects the browser to the client's redirect URI with a single-use code
// (valid for a minute, bound to the client by its PKCE challenge if it sent one). Exchange returns the session for that
// code, after our second factor if the provider's does not count. All stored state is sealed, and the store returns
// each value only once.
//
// A user is identified by the provider and its subject. An existing account becomes the provider's in only two ways:
// its user requests it with a recent authentication, or the provider is configured as trusted and both sides have
// verified the same email. Neither way is open to users with administrative permissions.
//
// A session ends with the provider's: by a back-channel logout token, or when the provider refuses the periodic refresh
// of its grant. An unavailable provider ends no session.
package sso

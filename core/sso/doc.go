// Package sso signs people in through OpenID providers and follows the sessions there.
//
// A sign-in goes: Start makes a flow (ten minutes, used once, bound to the browser by a cookie) and sends the browser to the
// provider. Callback takes the flow, has the directory check the provider's answer, finds or makes the user, and sends
// the browser back to the client's own address with a one-time code (a minute, used once, bound to the client by its
// PKCE challenge where it sent one). Exchange gives the login answer for that code, after our second factor where the
// provider's does not count. What is kept meanwhile is sealed, and the store hands each thing out once.
//
// Who somebody is, is the provider and its subject. An account that exists already becomes the provider's only in two
// ways: its person asks for it while freshly signed in, or the provider is marked as trusted and both sides have
// verified the same address. Neither way is open to holders of administrative permissions.
//
// A session ends with the provider's: by a back-channel logout token, or when a regular refresh of the provider's grant is
// refused. A provider that cannot be asked ends nothing.
package sso

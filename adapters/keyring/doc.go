// Package keyring keeps the service's own keys: those that seal what must be read back, and those that sign access tokens.
//
// A [Sealer] encrypts with AES-256-GCM under one of a list of key-encryption keys (KEKs). The first of the list seals, all
// of them open, so a KEK is replaced by putting a new one before it; what was sealed under an old one is sealed anew by
// [Sealer.Rewrap] or at its next change. With several nodes a new KEK goes to every one of them as a later line first, and
// to the first line once all have it, because what one node seals the others must open. A sealed value is text:
//
//	v1.<KEK id>.<nonce>.<ciphertext and tag>      the last two in base64url without padding
//
// and is bound to its place (collection, id and field): moved to another row it does not open. Nonces are random, so one KEK
// may seal 2^32 values (NIST SP 800-38D section 8.3): replace it before that, or after three years at 40 sign-ins a second.
//
// [Tokens] issues and checks access tokens, JWTs of type at+jwt (RFC 9068). Three sorts of signing keys are published: the
// next one, so that everybody knows it before it signs; the active one, which signs; and retiring ones, until the last token
// that they signed has run out. The private parts lie in the store, sealed. Each node holds the set in memory, so that
// neither issuing nor checking waits for the store; it is read again every minute and when a token names an unknown key.
package keyring

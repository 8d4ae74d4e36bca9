// Package keyring manages the service's own keys: those that seal stored secrets, and those that sign access tokens.
//
// A [Sealer] encrypts with AES-256-GCM under one of a list of key-encryption keys (KEKs). The first of the list
// seals, all of them open, so a KEK is rotated by putting a new one before it; values that are sealed under an old
// one are re-encrypted by [Sealer.Rewrap] or at their next change. With several nodes a new KEK is added to every
// node as a later line first, and moved to the first line when all have it, because every node must open what another
// seals. A sealed value is text:
//
//	v1.<KEK id>.<nonce>.<ciphertext and tag>      the last two in base64url without padding
//
// and is bound to its position (collection, id and field): moved to another row it does not open. Nonces are random,
// so one KEK may seal 2^32 values (NIST SP 800-38D section 8.3): replace it before that, or after three years at 40
// sign-ins a second.
//
// [Tokens] issues and verifies access tokens, JWTs of type at+jwt (RFC 9068). Three kinds of signing keys are
// published: the next one, so that every verifier has it before it signs; the active one, which signs; and retiring
// ones, until the last token that they signed has expired. The private parts are stored sealed. Each node caches the
// set in memory, so that neither issuing nor verifying waits for the store; it is read again every minute and when a
// token names an unknown key.
package keyring

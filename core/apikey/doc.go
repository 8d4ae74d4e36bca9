// Package apikey lets programs act for a user with a part of the user's permissions.
//
// A key is "sk_live_", the id under which it is kept, a secret and a checksum. It is shown once; only its SHA-256 is kept, which
// is enough for a secret of 190 random bits. The checksum lets scanners of leaked secrets know a key when they see one, and
// lets us refuse everything else without a look at the store.
//
// What a key may do is decided at each use: those of its permissions that its owner still holds. A key ends when it is revoked, when
// it expires, and with its owner.
package apikey

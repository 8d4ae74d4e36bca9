// Package apikey lets programs act for a user with some of the user's permissions.
//
// A key consists of "sk_live_", its ID, a secret and a checksum. It is displayed once; only its SHA-256 is stored,
// which is enough for a secret of 190 random bits. The checksum lets scanners of leaked secrets recognize a key, and
// lets the service refuse everything else without a lookup in the store.
//
// The permissions of a key are determined at each use: those of its permissions that its owner still holds. A key ends
// when it is revoked, when it expires, and with its owner.
package apikey

// Package apikey lets programs act for a user with some of the user's permissions.
//
// A key (see package opaquetoken) is displayed once; only its SHA-256 is stored. Its checksum lets scanners of leaked
// secrets recognize it, and lets the service refuse everything else without a lookup in the store.
//
// The permissions of a key are determined at each use: those of its permissions that its owner still holds. A key ends
// when it is revoked, when it expires, and with its owner.
package apikey

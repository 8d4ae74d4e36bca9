// Package directory holds the configured directories, selects the directory that verifies a login, and provisions users
// from the identities that directories return.
//
// A user belongs to one directory for life. Logins of a known user go to that directory. An unknown name goes to the
// directory with its domain suffix, or else to each directory in the configured order. Two directories that both
// contain a name never share an account: a user is identified by the directory and its stable subject, never by a name
// or an email address.
//
// A synchronization starts with a plan: what would be created, updated and disabled, with a digest. Applying a plan
// computes it again and performs exactly those steps, or none if the digest differs. A synchronization never deletes a
// user.
package directory

// Package account manages users: it creates, reads, updates, deactivates and purges them, and manages their passwords
// and email addresses.
//
// Everything that belongs to one change of a user (a new password, the sessions it ends, the token it consumes, the
// notification email, the audit entry) is one write. Package access defines the rules on which principal may act on
// which user; the user's directory defines what a password is and where it is stored.
package account

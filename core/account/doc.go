// Package account keeps users: it makes, reads, changes and deactivates them, and looks after their passwords and e-mail
// addresses.
//
// Whatever belongs to one change of a user (a new password, the sessions it ends, the token it uses up, the mail that tells
// of it, the audit entry) is one write. The rules on who may do what to whom come from package access; what is a password
// and where it lives is the user's directory's business.
package account

// Package usersapi is the second driving adapter: the Users API under /api/users, which existing clients move over to by
// changing the host name. Shapes, texts and status codes are the original's, to the letter; no rule lives here. What
// may be done is decided in core/levels and the services behind it, as for every other way in.
package usersapi

// Package usersapi is the second driving adapter: the Users API under /api/users, to which existing clients migrate
// by changing the host name. Formats, texts and status codes are exactly the original's. The package contains no
// rules: core/rolepolicy and the services behind it authorize every request, as for every other API.
package usersapi

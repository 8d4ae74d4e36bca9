// Package directory knows the configured directories, says which of them a login goes to, and makes users of the people
// whom they vouch for.
//
// A user belongs to one directory for life. A known user's logins go there; an unknown name goes to the directory of its
// domain suffix, else to each in the configured order. Two directories that both know a name never share an account:
// who somebody is, is the directory and its own stable subject, never a name or an address.
//
// A synchronization is a plan first: what would be created, changed and disabled, with a digest. Applying it makes the plan
// anew and does exactly that, or nothing. Nobody is ever deleted.
package directory

// Package access implements authorization.
//
// Permissions come from a user's one role and from groups. They are resolved in one place (domain.Catalog.Grants) at
// each request, so that a change applies to the next one. The package also manages roles and groups, explains a grant
// or a refusal, and enforces the two rules for every way to more permissions: no principal grants what it does not
// hold, and the last administrator remains.
package access

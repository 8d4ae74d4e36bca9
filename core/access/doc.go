// Package access says what a principal may do.
//
// Permissions come from a user's one role and from groups, resolved in one place (domain.Catalog.Grants) at each request, so
// that a change reaches the very next one. The package also keeps roles and groups, explains a grant or a refusal, and
// holds the two rules that every path to more power meets: nobody grants what they do not hold, and the last
// administrator stays.
package access

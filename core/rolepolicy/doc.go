// Package rolepolicy implements the role policy of the Users API: each role has a level, a lower level is more
// powerful, and authorization compares the levels of the actor and the target.
//
// The policy grants no additional permissions: a request that passes it goes to the same services as any other, which
// apply their own rules on permissions, escalation, passwords, lockout and audit.
package rolepolicy

// Package levels holds the rules of the Users API: each role has a level, a lower level is more power, and who may do what to
// whom is decided by comparing them.
//
// It is a second way to ask and no second power: what passes these rules goes to the same services as everything else, and
// meets their rules on permissions, escalation, passwords, lock-out and audit again.
package levels

// Package audit writes, reads, seals and proves the audit trail.
//
// A change and its entry are one write: the services take an entry from the [Journal] and hand it to the store with the
// change. Reading never needs the seal, and sealing never holds a change up.
package audit

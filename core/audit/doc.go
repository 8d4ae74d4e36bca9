// Package audit writes, reads, seals and verifies the audit log.
//
// A change and its entry are one write: services take an entry from the [Writer] and pass it to the store with the
// change. Reading does not depend on the seal, and sealing does not block changes.
package audit

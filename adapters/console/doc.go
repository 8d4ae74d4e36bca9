// Package console is the local API for the command line: operations with typed inputs and outputs.
//
// An [Operation] is declared once and used on both sides: the service registers its function, the command line calls
// it. A [Caller] is the target of a call. If a server owns the data directory, that is a [Client], which connects to
// a Unix socket in the directory; otherwise it is the [Console] itself, in the command's own process. Both use the
// same encoding, so that a command behaves the same in both cases.
//
// Access to the socket is access to everything: it is readable and writable only for the service's own user, like the
// database beside it. Operations are written to the audit log with the actor "cli".
package console

// Package console is the operator's way into the service: commands of the command line, with typed inputs and outputs.
//
// An [Operation] is declared once and stands on both sides: the service gives it a function, the command line calls it.
// A [Caller] is what it is called on. Where a server holds the data directory that is a [Client], which speaks through a
// Unix socket in that directory; where none does it is the [Console] itself, in the command's own process. Both take the
// same bytes, so that a command does the same in either way.
//
// Who may open the socket may do everything: it is readable and writable for the service's own user alone, as the
// database beside it is. What is done is written to the audit trail with the actor "cli".
package console

// Package ports holds the interfaces through which the core reaches the outside: stores, directories, mail, keys, time.
//
// Each is small and says what its implementations promise; the suites in test/conformance hold them to it. A failure
// crosses a port as a fault of package domain or as an error that means "could not say", never as a library's own type.
package ports

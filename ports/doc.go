// Package ports defines the interfaces between the core and the outside: stores, directories, mail, keys, time.
//
// Each interface is small and documents what its implementations promise; the suites in test/conformance test it. A
// failure crosses a port as a value of package fault or as an error that means "unavailable", never as an error type
// of a library.
package ports

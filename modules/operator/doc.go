// Package operator wires the operator's console. Beside a running server its operations go through the socket in the data
// directory; without one, to services in the command's own process, on the same store.
package operator

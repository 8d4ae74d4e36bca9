// Package operator wires the local API of the command line. While a server runs, its operations go through the socket
// in the data directory. Otherwise they call services in the command's own process, on the same store.
package operator

// Package controlsocket is the transport of the operator API: a Unix socket in the data directory, which only the user
// of the service can open, or a listener inside the process where no server runs.
//
// Access to the data directory is the credential: requests that arrive here act as the operator.
package controlsocket

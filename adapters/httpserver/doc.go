// Package httpserver is the HTTP server of Ostiary.
//
// It configures Fiber in a hardened profile and serves the APIs that are mounted on it. A request passes, in this
// order: the connection (the limit of its source, timeouts, drain on shutdown), its head (framing, compressed and
// oversized bodies), its body (which is buffered as it arrives), the request id, recovery from panics, CORS, the rate
// limit of its address, the router, and then, for a route, the validation of its path parameters, its credentials,
// its [Access] mark, its query string, its media type, and finally the route's handler. An error response is written
// by one function, from the fault in the error.
//
// Rules:
//   - A route without an access mark does not mount: no route is reachable because its mark was forgotten.
//   - Forwarding headers of clients are ignored; only those of configured proxies are trusted.
//   - A handler has no access to Fiber. It gets a [Request], whose strings are its own copies.
//   - Responses, logs and metrics contain no secret, no query string and no error text of a library.
package httpserver

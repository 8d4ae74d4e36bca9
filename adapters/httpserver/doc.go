// Package httpserver is the one place that knows how Ostiary speaks HTTP.
//
// It sets Fiber up once, in a hardened profile, and serves the APIs that are mounted on it. A request passes, in this
// order: the connection (the limit of its source, time limits, drain on shutdown), its head (framing, compressed and
// oversized bodies), its body (which takes memory as it arrives), the request id, recovery from panics, CORS, the limit of
// its address, the router, and then, for a route, the check of its path parameters, its credentials, its [Access] mark, its
// query string, its media type, and at last the route's handler. An answer that is a failure is written in one function,
// from the fault in the error.
//
// Rules:
//   - A route without an access mark does not mount: nothing is reachable because somebody forgot it.
//   - Nothing that a client says of itself through forwarding headers is believed; only configured proxies are.
//   - A handler never sees Fiber. It gets a [Request], whose strings are its own copies.
//   - Answers, logs and metrics show no secret, no query string and no text of a library.
package httpserver

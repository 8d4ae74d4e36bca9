package ports

import "context"

// PresenceKey is the context key of a func() bool that reports whether the client of a request is still connected.
// Code that queues requests checks it. A context without the value counts as connected.
type PresenceKey struct{}

// IsThere reports whether the client still waits for the response. Work that has begun is completed anyway.
func IsThere(ctx context.Context) bool {
	there, ok := ctx.Value(PresenceKey{}).(func() bool)
	return !ok || there()
}

// SourceKey is the context key of a func() string that returns the network from which a request came, as
// domain.Origin.Network does. Shared resources are divided between networks.
type SourceKey struct{}

// SourceOf returns the network from which a request came. It is empty for jobs and for the command line.
func SourceOf(ctx context.Context) string {
	source, ok := ctx.Value(SourceKey{}).(func() string)
	if !ok {
		return ""
	}
	return source()
}

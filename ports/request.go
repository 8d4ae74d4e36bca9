package ports

import "context"

// DisconnectedKey is the context key of a func() bool that reports whether the client of a request has disconnected.
type DisconnectedKey struct{}

// Disconnected reports whether the client of a request has disconnected. Queues drop such requests; work that has begun
// is completed. A context without the value counts as connected.
func Disconnected(ctx context.Context) bool {
	disconnected, ok := ctx.Value(DisconnectedKey{}).(func() bool)
	return ok && disconnected()
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

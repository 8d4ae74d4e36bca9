package ports

import "context"

// PresenceKey is the key under which the context of a request answers with a func() bool that tells whether whoever asked is
// still there. What queues for long asks it; a context that does not know is of somebody who stays.
type PresenceKey struct{}

// IsThere reports whether whoever asked still waits for the answer. What has begun is brought to its end all the same.
func IsThere(ctx context.Context) bool {
	there, ok := ctx.Value(PresenceKey{}).(func() bool)
	return !ok || there()
}

// SourceKey is the key under which the context of a request answers with a func() string that returns the network that the
// request came from, as domain.Origin.Network does. What is shared by many requests is divided by it.
type SourceKey struct{}

// SourceOf returns the network that a call came from. It is empty for jobs and for the command line.
func SourceOf(ctx context.Context) string {
	source, ok := ctx.Value(SourceKey{}).(func() string)
	if !ok {
		return ""
	}
	return source()
}

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

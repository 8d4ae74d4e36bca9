package domain

import "time"

// IdempotencyRecord is the stored state of a request with an idempotency key.
type IdempotencyRecord struct {
	Key       string // SHA-256 over the credential, the operation and the key that was sent
	Digest    []byte // SHA-256 of the request's body
	StartedAt time.Time
	ExpiresAt time.Time
	// Answer is the sealed response; nil while the first request is in progress.
	Answer []byte
}

package sqlitestore

import (
	"context"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// IdempotencyStore implements ports.IdempotencyStore.
type IdempotencyStore struct{ s *Store }

// IdempotencyStore returns the store of stored responses.
func (s *Store) IdempotencyStore() *IdempotencyStore { return &IdempotencyStore{s} }

// Begin reserves the key, or returns the record of the first request with the key.
func (is *IdempotencyStore) Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord,
	error,
) {
	var first *domain.IdempotencyRecord
	err := is.s.writer.do(ctx, func(t *tx) error {
		first = nil
		var found string
		err := t.get(nil, "SELECT doc FROM idempotency WHERE key = ? AND expires > ?",
			[]any{record.Key, stamp(record.StartedAt)}, &found)
		if err != nil {
			return err
		}
		if found == "" {
			return putResponse(t, "INSERT OR REPLACE", record)
		}
		stored, err := decodeAs(found, (*records.Idempotency).Domain)
		first = &stored
		return err
	})
	return first, err
}

// Complete stores the response of the first request.
func (is *IdempotencyStore) Complete(ctx context.Context, record domain.IdempotencyRecord) error {
	return is.s.writer.do(ctx, func(t *tx) error { return putResponse(t, "INSERT OR REPLACE", record) })
}

func putResponse(t *tx, insert string, r domain.IdempotencyRecord) error {
	doc, err := encode(records.NewIdempotency(&r))
	if err != nil {
		return err
	}
	return t.exec(insert+" INTO idempotency (key, expires, doc) VALUES (?, ?, ?)", r.Key, stamp(r.ExpiresAt), doc)
}

// Abandon releases the key.
func (is *IdempotencyStore) Abandon(ctx context.Context, key string) error {
	return is.s.writer.do(ctx, func(t *tx) error { return t.exec("DELETE FROM idempotency WHERE key = ?", key) })
}

package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// IdempotencyStore implements ports.IdempotencyStore.
type IdempotencyStore struct{ s *Store }

// IdempotencyStore returns the store of stored responses.
func (s *Store) IdempotencyStore() *IdempotencyStore { return &IdempotencyStore{s} }

var _ ports.IdempotencyStore = (*IdempotencyStore)(nil)

// Begin reserves the key, or returns the record of the first request with the key.
func (is *IdempotencyStore) Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord,
	error,
) {
	doc, err := encode(records.NewIdempotency(&record))
	if err != nil {
		return nil, err
	}
	var first *domain.IdempotencyRecord
	err = is.s.writer.do(ctx, func(t *tx) error {
		first = nil
		var found string
		err := t.get(fault.ErrNotFound, "SELECT doc FROM idempotency WHERE key = ? AND expires > ?",
			[]any{record.Key, stamp(record.StartedAt)}, &found)
		switch {
		case errors.Is(err, fault.ErrNotFound):
			return t.exec("INSERT OR REPLACE INTO idempotency (key, expires, doc) VALUES (?, ?, ?)", record.Key,
				stamp(record.ExpiresAt), doc)
		case err != nil:
			return err
		}
		var r records.Idempotency
		err = decode(found, &r)
		stored := r.Domain()
		first = &stored
		return err
	})
	return first, err
}

// Complete stores the response of the first request.
func (is *IdempotencyStore) Complete(ctx context.Context, record domain.IdempotencyRecord) error {
	doc, err := encode(records.NewIdempotency(&record))
	if err != nil {
		return err
	}
	return is.s.writer.do(ctx, func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO idempotency (key, expires, doc) VALUES (?, ?, ?)", record.Key,
			stamp(record.ExpiresAt), doc)
	})
}

// Abandon releases the key.
func (is *IdempotencyStore) Abandon(ctx context.Context, key string) error {
	return is.s.writer.do(ctx, func(t *tx) error { return t.exec("DELETE FROM idempotency WHERE key = ?", key) })
}

package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Begin reserves the key, or returns the record of the first request with the key.
func (g *Guards) Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord, error) {
	doc, err := encode(records.NewIdempotency(&record))
	if err != nil {
		return nil, err
	}
	var first *domain.IdempotencyRecord
	err = g.s.writer.do(ctx, func(t *tx) error {
		first = nil
		var found string
		err := t.get(fault.ErrNotFound, "SELECT doc FROM idempotency WHERE key = ? AND expires > ?", []any{record.Key, stamp(record.StartedAt)}, &found)
		switch {
		case errors.Is(err, fault.ErrNotFound):
			return t.exec("INSERT OR REPLACE INTO idempotency (key, expires, doc) VALUES (?, ?, ?)", record.Key, stamp(record.ExpiresAt), doc)
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
func (g *Guards) Complete(ctx context.Context, record domain.IdempotencyRecord) error {
	doc, err := encode(records.NewIdempotency(&record))
	if err != nil {
		return err
	}
	return g.s.writer.do(ctx, func(t *tx) error {
		return t.exec("INSERT OR REPLACE INTO idempotency (key, expires, doc) VALUES (?, ?, ?)", record.Key, stamp(record.ExpiresAt), doc)
	})
}

// Abandon releases the key.
func (g *Guards) Abandon(ctx context.Context, key string) error {
	return g.s.writer.do(ctx, func(t *tx) error { return t.exec("DELETE FROM idempotency WHERE key = ?", key) })
}

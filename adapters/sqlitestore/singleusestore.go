package sqlitestore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// SingleUseStore implements ports.SingleUseStore.
type SingleUseStore struct{ s *Store }

// SingleUseStore returns the store of single-use values.
func (s *Store) SingleUseStore() *SingleUseStore { return &SingleUseStore{s} }

// orEmpty returns an empty value for a missing one: the column has no NULL, and a read returns nil for an empty value.
func orEmpty(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// Put stores value under key until it expires. It replaces an expired value and returns fault.ErrConflict for any
// other.
func (su *SingleUseStore) Put(ctx context.Context, key string, value []byte, expires time.Time) error {
	value = orEmpty(value)
	return su.s.writer.do(ctx, func(t *tx) error {
		return t.execNew(`INSERT INTO once (key, expires, value) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET expires = excluded.expires, value = excluded.value WHERE once.expires <= ?`,
			key, stamp(expires), value, stamp(su.s.config.Clock.Now()))
	})
}

// Consume returns the value and deletes it in one transaction.
func (su *SingleUseStore) Consume(ctx context.Context, key string, now time.Time) ([]byte, error) {
	var value []byte
	err := su.s.writer.do(ctx, func(t *tx) error {
		return t.get(fault.ErrNotFound, "DELETE FROM once WHERE key = ? AND expires > ? RETURNING value",
			[]any{key, stamp(now)}, &value)
	})
	if err != nil {
		return nil, err
	}
	return orEmpty(value), nil
}

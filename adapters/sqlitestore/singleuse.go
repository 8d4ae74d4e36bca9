package sqlitestore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// Put stores value under key until it expires. It replaces an expired value and returns fault.ErrConflict for any
// other.
func (g *Guards) Put(ctx context.Context, key string, value []byte, expires time.Time) error {
	if value == nil {
		value = []byte{}
	}
	return g.s.writer.do(ctx, func(t *tx) error {
		count, err := t.execCount(`INSERT INTO once (key, expires, value) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET expires = excluded.expires, value = excluded.value WHERE once.expires <= ?`,
			key, stamp(expires), value, stamp(g.s.config.Clock.Now()))
		if err == nil && count == 0 {
			err = fault.ErrConflict
		}
		return err
	})
}

// Consume returns the value and deletes it in one transaction.
func (g *Guards) Consume(ctx context.Context, key string, now time.Time) ([]byte, error) {
	var value []byte
	err := g.s.writer.do(ctx, func(t *tx) error {
		return t.get(fault.ErrNotFound, "DELETE FROM once WHERE key = ? AND expires > ? RETURNING value", []any{key, stamp(now)}, &value)
	})
	if err != nil {
		return nil, err
	}
	return value, nil
}

package sqlitestore

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// Members returns the administrators that the guard holds.
func (g *Guards) Members(ctx context.Context) ([]domain.UserID, error) {
	var ids []domain.UserID
	err := g.s.reads.each(ctx, func(rows rowScanner) error {
		var id domain.UserID
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, "SELECT user_id FROM admin_guard ORDER BY user_id")
	return ids, err
}

// Join adds administrators.
func (g *Guards) Join(ctx context.Context, ids ...domain.UserID) error {
	if len(ids) == 0 {
		return nil
	}
	return g.s.writer.do(ctx, func(t *tx) error {
		for _, id := range ids {
			if err := t.exec("INSERT OR IGNORE INTO admin_guard (user_id) VALUES (?)", string(id)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Leave takes the ids out, unless none would be left.
func (g *Guards) Leave(ctx context.Context, ids ...domain.UserID) error {
	if len(ids) == 0 {
		return nil
	}
	return g.s.writer.do(ctx, func(t *tx) error {
		var gone int64
		for _, id := range ids {
			count, err := t.execCount("DELETE FROM admin_guard WHERE user_id = ?", string(id))
			if err != nil {
				return err
			}
			gone += count
		}
		var left bool
		if err := t.get(nil, "SELECT EXISTS (SELECT 1 FROM admin_guard)", nil, &left); err != nil {
			return err
		}
		if gone > 0 && !left {
			return domain.ErrLastAdmin // and the savepoint brings them back
		}
		return nil
	})
}

package sqlitestore

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// AdminGuard implements ports.AdminGuard.
type AdminGuard struct{ s *Store }

// AdminGuard returns the store of administrators.
func (s *Store) AdminGuard() *AdminGuard { return &AdminGuard{s} }

// Members returns the IDs of all stored administrators.
func (g *AdminGuard) Members(ctx context.Context) ([]domain.UserID, error) {
	var ids []domain.UserID
	err := g.s.reads.each(ctx, into(&ids, scanValue[domain.UserID]), "SELECT user_id FROM admin_guard ORDER BY user_id")
	return ids, err
}

// Join stores the IDs as administrators. It skips IDs that are already stored.
func (g *AdminGuard) Join(ctx context.Context, ids ...domain.UserID) error {
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

// Leave removes the IDs. It returns domain.ErrLastAdmin and removes none when no administrator would remain.
func (g *AdminGuard) Leave(ctx context.Context, ids ...domain.UserID) error {
	if len(ids) == 0 {
		return nil
	}
	return g.s.writer.do(ctx, func(t *tx) error {
		var removed int64
		for _, id := range ids {
			count, err := t.execCount("DELETE FROM admin_guard WHERE user_id = ?", string(id))
			if err != nil {
				return err
			}
			removed += count
		}
		var remaining bool
		if err := t.get(nil, "SELECT EXISTS (SELECT 1 FROM admin_guard)", nil, &remaining); err != nil {
			return err
		}
		if removed > 0 && !remaining {
			return domain.ErrLastAdmin // the error rolls back the savepoint, so the rows stay
		}
		return nil
	})
}

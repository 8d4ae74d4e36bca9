package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// catalogTable implements the operations that roles and groups share. Each is a table whose records the catalog maps by
// ID.
type catalogTable[K ~string, V any] struct {
	in     func(*domain.Catalog) map[K]V
	id     func(*V) *K
	clone  func(V) V
	insert func(*tx, V) (int64, error) // returns 0 if a unique value is taken
	update func(*tx, V) (int64, error)
	remove string
	// clashes reports whether item conflicts with another record of the catalog. It is nil if records cannot conflict.
	// The result is valid until the transaction commits, since there is one writer.
	clashes func(c *domain.Catalog, before, item *V) bool
	// unused returns nil if the record may be deleted.
	unused func(*tx, K) error
	absent error
	taken  error
}

func (p *catalogTable[K, V]) create(ctx context.Context, s *Store, item V, out domain.Outbox) error {
	return s.writer.do(ctx, func(t *tx) error {
		err := s.changeCatalog(t, func(c *domain.Catalog) error {
			if p.clashes != nil && p.clashes(c, nil, &item) {
				return p.taken
			}
			p.in(c)[*p.id(&item)] = p.clone(item)
			return p.written(p.insert(t, item))
		})
		if err != nil {
			return err
		}
		return s.writeOutbox(t, out)
	})
}

func (p *catalogTable[K, V]) written(count int64, err error) error {
	if err == nil && count == 0 {
		return p.taken
	}
	return err
}

func (p *catalogTable[K, V]) change(ctx context.Context, s *Store, id K, change ports.Change[V]) (V, error) {
	var result, none V
	err := s.writer.do(ctx, func(t *tx) error {
		before, ok := p.in(s.currentCatalog(t))[id]
		if !ok {
			return p.absent
		}
		var out domain.Outbox
		err := s.changeCatalog(t, func(c *domain.Catalog) error {
			result = p.clone(before)
			if err := change(&result, &out); err != nil {
				return err
			}
			*p.id(&result) = id
			if p.clashes != nil && p.clashes(c, &before, &result) {
				return p.taken
			}
			p.in(c)[id] = p.clone(result)
			return p.written(p.update(t, result))
		})
		if errors.Is(err, domain.ErrUnchanged) {
			result = p.clone(before)
			return nil
		} else if err != nil {
			return err
		}
		return s.writeOutbox(t, out)
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

func (p *catalogTable[K, V]) delete(ctx context.Context, s *Store, id K, out domain.Outbox) error {
	return s.writer.do(ctx, func(t *tx) error {
		err := s.changeCatalog(t, func(c *domain.Catalog) error {
			if _, ok := p.in(c)[id]; !ok {
				return p.absent
			}
			if err := p.unused(t, id); err != nil {
				return err
			}
			delete(p.in(c), id)
			return t.exec(p.remove, string(id))
		})
		if err != nil {
			return err
		}
		return s.writeOutbox(t, out)
	})
}

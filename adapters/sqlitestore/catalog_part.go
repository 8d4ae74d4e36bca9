package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// part is what roles and groups have in common: a table of them stands in the catalog under their ids.
type part[K ~string, V any] struct {
	in     func(*domain.Catalog) map[K]V
	id     func(*V) *K
	clone  func(V) V
	insert func(*tx, V) (int64, error) // returns 0 when something of it is taken
	update func(*tx, V) (int64, error)
	remove string
	// clashes reports whether another thing of the catalog keeps thing from being there; nil where nothing can. There is one
	// writer, so that what it sees is still so when the transaction commits.
	clashes func(c *domain.Catalog, before, thing *V) bool
	// unused returns nil when nothing keeps the thing from being removed.
	unused func(*tx, K) error
	absent error
	taken  error
}

func (p *part[K, V]) create(ctx context.Context, s *Store, thing V, out domain.Outbox) error {
	return s.writer.do(ctx, func(t *tx) error {
		err := s.changeCatalog(t, func(c *domain.Catalog) error {
			if p.clashes != nil && p.clashes(c, nil, &thing) {
				return p.taken
			}
			p.in(c)[*p.id(&thing)] = p.clone(thing)
			return p.written(p.insert(t, thing))
		})
		if err != nil {
			return err
		}
		return s.writeOutbox(t, out)
	})
}

func (p *part[K, V]) written(count int64, err error) error {
	if err == nil && count == 0 {
		return p.taken
	}
	return err
}

func (p *part[K, V]) change(ctx context.Context, s *Store, id K, change ports.Change[V]) (V, error) {
	var result, none V
	err := s.writer.do(ctx, func(t *tx) error {
		before, ok := p.in(s.presentCatalog(t))[id]
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

func (p *part[K, V]) delete(ctx context.Context, s *Store, id K, out domain.Outbox) error {
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

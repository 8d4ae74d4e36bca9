package mongostore

import (
	"cmp"
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// collection implements the methods that the stores of entities share. deletable adds Delete.
type collection[K ~string, V any] struct {
	s     *Store
	table *table[V]
	id    func(*V) *K
}

// Create stores a new entity.
func (c collection[K, V]) Create(ctx context.Context, entity V, out domain.Outbox) error {
	return c.table.create(ctx, string(*c.id(&entity)), &entity, out)
}

// Get returns the entity with this ID.
func (c collection[K, V]) Get(ctx context.Context, id K) (V, error) {
	return c.table.byID(ctx, string(id))
}

// Update applies change to the entity atomically. The ID cannot change.
func (c collection[K, V]) Update(ctx context.Context, id K, change ports.Change[V]) (V, error) {
	return c.table.update(ctx, string(id), func(entity *V, out *domain.Outbox) error {
		err := change(entity, out)
		*c.id(entity) = id
		return err
	})
}

// deletable is a collection whose entities can be deleted.
type deletable[K ~string, V any] struct{ collection[K, V] }

// Delete removes the entity and all data that belongs to it.
func (c deletable[K, V]) Delete(ctx context.Context, id K, out domain.Outbox) error {
	ctx, cancel := c.s.bound(ctx)
	defer cancel()
	err := c.table.delete(ctx, string(id), nil, out)
	if errors.Is(err, errLostRace) {
		r, err := c.table.find(ctx, bson.D{{Key: "_id", Value: c.table.prefix + string(id)}})
		if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return err
		}
		return cmp.Or(c.table.settle(ctx, &r), c.table.absent)
	}
	return err
}

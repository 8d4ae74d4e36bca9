package mongostore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Catalog implements ports.SettingsStore and ports.CatalogView.
//
// Roles, groups and settings are one document each, in one collection. Each change increments the version in the head
// document after it is written and before it is acknowledged. The outbox of the changed document holds this step as
// well, so the sweeper repeats it after a crash. The head has the lowest ID, and the collection is read in the order of
// IDs: the content read after a version is never older than the version.
type Catalog struct{ s *Store }

// CatalogStore returns the store of the settings and the view of the catalog.
func (s *Store) CatalogStore() *Catalog { return &Catalog{s} }

// catalogCache holds the latest catalog that was read.
type catalogCache struct {
	current atomic.Pointer[domain.Catalog]
	reading sync.Mutex // one reader at a time: the others use its result
}

type headDocument struct {
	Number int64 `bson:"n"`
}

// Catalog returns the current catalog. It reads the version, and the rest only if the version has changed.
func (cs *Catalog) Catalog(ctx context.Context) (*domain.Catalog, error) {
	ctx, cancel := cs.s.bound(ctx)
	defer cancel()
	var head headDocument
	err := cs.s.withLease(ctx, func() error {
		err := cs.s.checked(catalogName).FindOne(ctx, bson.D{{Key: "_id", Value: headID}}).Decode(&head)
		return failed("reading the catalog's version", err)
	})
	if err != nil {
		return nil, err
	}
	return cs.at(ctx, head.Number)
}

// CatalogAt returns a catalog of this version or a later one.
func (cs *Catalog) CatalogAt(ctx context.Context, version int64) (*domain.Catalog, error) {
	ctx, cancel := cs.s.bound(ctx)
	defer cancel()
	return cs.at(ctx, version)
}

func (cs *Catalog) at(ctx context.Context, version int64) (*domain.Catalog, error) {
	cache := &cs.s.catalog
	if c := cache.current.Load(); c != nil && c.Version >= version {
		return c, nil
	}
	cache.reading.Lock()
	defer cache.reading.Unlock()
	if c := cache.current.Load(); c != nil && c.Version >= version {
		return c, nil
	}
	c, err := cs.s.readCatalog(ctx)
	if err != nil {
		return nil, err
	}
	if c.Version < version {
		return nil, failed("reading the catalog", errors.New("the content is older than the version"))
	}
	cache.current.Store(c)
	return c, nil
}

type catalogDocument struct {
	ID     string   `bson:"_id"`
	Number int64    `bson:"n"`
	Gone   bool     `bson:"gone"`
	Doc    bson.Raw `bson:"doc"`
}

func (s *Store) readCatalog(ctx context.Context) (*domain.Catalog, error) {
	var docs []catalogDocument
	err := s.readAll(ctx, s.db.Collection(catalogName), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).
		SetHint("_id_").SetProjection(bson.D{{Key: "outbox", Value: 0}, {Key: "holds", Value: 0}}), &docs)
	if err != nil {
		return nil, err
	}
	c := &domain.Catalog{Roles: map[domain.RoleID]domain.Role{}, Groups: map[domain.GroupID]domain.Group{}}
	for _, d := range docs {
		if err := addToCatalog(c, d); err != nil {
			return nil, failed("reading the catalog", err)
		}
	}
	return c, nil
}

func addToCatalog(c *domain.Catalog, d catalogDocument) error {
	switch {
	case d.Gone:
		return nil
	case d.ID == headID:
		c.Version = d.Number
		return nil
	case d.ID == settingsID:
		var err error
		c.Settings, err = settingsForm.decode(d.Doc)
		return err
	case d.ID > rolePrefix:
		role, err := roleForm.decode(d.Doc)
		c.Roles[role.ID] = role
		return err
	default:
		group, err := groupForm.decode(d.Doc)
		c.Groups[group.ID] = group
		return err
	}
}

// bumpCatalog increments the version of the catalog.
func (s *Store) bumpCatalog(ctx context.Context) error {
	_, err := s.db.Collection(catalogName).UpdateOne(ctx, bson.D{{Key: "_id", Value: headID}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}})
	return failed("incrementing the version of the catalog", err)
}

// UpdateSettings applies change to the settings and increments their version.
func (cs *Catalog) UpdateSettings(ctx context.Context, change ports.Change[domain.Settings]) (domain.Settings, error) {
	return cs.s.settings.update(ctx, "", func(x *domain.Settings, out *domain.Outbox) error {
		version := x.Version
		err := change(x, out)
		x.Version = version + 1
		return err
	})
}

var errRoleBusy = fault.ErrStorage.Because(errors.New("mongodb: a role is being deleted"))

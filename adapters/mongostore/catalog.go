package mongostore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Catalog implements ports.SettingsStore and ports.CatalogView.
//
// Roles, groups and settings are one document each, in one collection. Each change increments the version in the head
// document after it is written and before it is acknowledged. The outbox of the changed document holds this step as
// well, so the sweeper repeats it after a crash. The head also contains the IDs of the documents that changed last.
// A node that knows an earlier version reads these documents only; see catalogread.go.
type Catalog struct{ s *Store }

// CatalogStore returns the store of the settings and the view of the catalog.
func (s *Store) CatalogStore() *Catalog { return &Catalog{s} }

// keptChanges is the number of changed documents that the head lists. A node that missed more reads the whole catalog.
const keptChanges = 128

// headDocument is the head of the catalog. Versions of the program that do not list changes increment only Number:
// between two states of the head that differ by the same number in both, all changes are listed.
type headDocument struct {
	Number int64    `bson:"n"`      // the version
	Listed int64    `bson:"listed"` // the number of changes that were listed so far
	Recent []string `bson:"recent"` // the IDs of the last changed documents, the latest last
}

// since returns the IDs of the documents that have changed since an earlier state of the head. If ok is false, they are
// not known.
func (h *headDocument) since(earlier *headDocument) (ids []string, ok bool) {
	changes := h.Number - earlier.Number
	if changes < 0 || changes != h.Listed-earlier.Listed || changes > int64(len(h.Recent)) {
		return nil, false
	}
	return h.Recent[int64(len(h.Recent))-changes:], true
}

// catalogCache holds the latest catalog that was read, with the state of its head.
type catalogCache struct {
	current atomic.Pointer[heldCatalog]
	reading sync.Mutex // one verification reads at a time: the others use its result
}

// keep replaces the catalog in memory unless that is a later version already.
func (c *catalogCache) keep(next *heldCatalog) {
	for {
		held := c.current.Load()
		if held != nil && held.catalog.Version >= next.catalog.Version || c.current.CompareAndSwap(held, next) {
			return
		}
	}
}

type heldCatalog struct {
	head    headDocument // without Recent
	catalog *domain.Catalog
}

func hold(head headDocument, catalog *domain.Catalog) *heldCatalog {
	head.Recent = nil
	return &heldCatalog{head: head, catalog: catalog}
}

// Catalog returns the current catalog, from memory under the lease of the node. Otherwise it reads the version, and
// what has changed since the version in memory.
func (cs *Catalog) Catalog(ctx context.Context) (*domain.Catalog, error) {
	ctx, cancel := cs.s.bound(ctx)
	defer cancel()
	if cs.s.cluster.live() { // first: a version that is read later is current
		if version := cs.s.cached.catalog.Load(); version != 0 {
			return cs.at(ctx, version)
		}
	}
	var head headDocument
	err := cs.s.withLease(ctx, func() error {
		err := cs.s.checked(catalogName).FindOne(ctx, bson.D{{Key: "_id", Value: headID}}, onlyNumber).Decode(&head)
		return failed("reading the catalog's version", err)
	})
	if err != nil {
		return nil, err
	}
	return cs.at(ctx, head.Number)
}

// CatalogAt returns a catalog of this version or a later one.
func (cs *Catalog) CatalogAt(ctx context.Context, version int64) (*domain.Catalog, error) {
	if held := cs.s.catalog.current.Load(); held != nil && held.catalog.Version >= version {
		return held.catalog, nil
	}
	ctx, cancel := cs.s.bound(ctx)
	defer cancel()
	return cs.at(ctx, version)
}

func (cs *Catalog) at(ctx context.Context, version int64) (*domain.Catalog, error) {
	cache := &cs.s.catalog
	if held := cache.current.Load(); held != nil && held.catalog.Version >= version {
		return held.catalog, nil
	}
	cache.reading.Lock()
	defer cache.reading.Unlock()
	held := cache.current.Load()
	if held != nil && held.catalog.Version >= version {
		return held.catalog, nil
	}
	held, err := cs.s.readSince(ctx, held)
	if err != nil {
		return nil, err
	}
	if held.catalog.Version < version {
		return nil, failed("reading the catalog", errors.New("the content is older than the version"))
	}
	cache.keep(held)
	return held.catalog, nil
}

// bumpCatalog increments the version of the catalog, of which the document has changed.
func (s *Store) bumpCatalog(ctx context.Context, id string) error {
	_, err := s.db.Collection(catalogName).UpdateOne(ctx, bson.D{{Key: "_id", Value: headID}}, bson.D{
		{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}, {Key: "listed", Value: int64(1)}}},
		{Key: "$push", Value: bson.D{{Key: "recent", Value: bson.D{
			{Key: "$each", Value: bson.A{id}}, {Key: "$slice", Value: -keptChanges},
		}}}},
	})
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

package mongostore

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

type catalogDocument struct {
	ID   string       `bson:"_id"`
	Gone bool         `bson:"gone"`
	Doc  bson.Raw     `bson:"doc"`
	Head headDocument `bson:",inline"` // of the head document only
}

var (
	onlyNumber = options.FindOne().SetProjection(bson.D{{Key: "n", Value: 1}})
	// unread are the fields that a catalog does not need.
	unread = bson.D{{Key: "outbox", Value: 0}, {Key: "holds", Value: 0}}
)

// changesResult is the result of one round trip: the position of the log of invalidations, the head of the catalog, and
// documents of the catalog. Each is read after the one before it, so it is at least as new.
type changesResult struct {
	Position int64             `bson:"n"`
	Head     []headDocument    `bson:"head"`
	Found    []catalogDocument `bson:"found"`
}

// readSince returns the current catalog. Of a catalog that is held in memory it reads only what has changed.
func (s *Store) readSince(ctx context.Context, held *heldCatalog) (*heldCatalog, error) {
	if held != nil {
		if next, _, ok, err := s.readChanges(ctx, held, nil); err != nil || ok {
			return next, err
		}
	}
	return s.readCatalog(ctx)
}

const (
	// maxReads is the maximum number of reads of the changes. More than two are needed only if the catalog changes
	// meanwhile.
	maxReads = 4
	// maxChanged is the maximum number of documents that one read returns. The largest groups, of 28 KB each, remain
	// within the 16 MB of a document.
	maxChanged = 3 * keptChanges
)

// readChanges returns the held catalog with what has changed since, and the position of the log of invalidations that
// it includes. The head of the catalog lists what has changed; ids are known to have changed. If they are all, the read
// is one round trip, and two otherwise. ok is false if the head does not list all changes.
func (s *Store) readChanges(ctx context.Context, held *heldCatalog, ids []string) (next *heldCatalog, position int64,
	ok bool, err error,
) {
	for range maxReads {
		if len(ids) > maxChanged {
			break
		}
		read, err := aggregate[changesResult](ctx, s, s.checked(nodesName), changesPipeline(ids))
		if err != nil || len(read) == 0 || len(read[0].Head) == 0 {
			return nil, 0, false, err
		}
		head := read[0].Head[0]
		changed, ok := head.since(&held.head)
		if !ok {
			return nil, 0, false, nil
		}
		if includesAll(ids, changed) {
			next, err := held.with(head, ids, read[0].Found)
			return next, read[0].Position, err == nil, err
		}
		ids = slices.Concat(ids, changed)
	}
	return nil, 0, false, nil
}

func includesAll(ids, all []string) bool {
	return !slices.ContainsFunc(all, func(id string) bool { return !slices.Contains(ids, id) })
}

// changesPipeline reads the documents of the catalog with these IDs. It starts at the log, which always exists.
func changesPipeline(ids []string) mongo.Pipeline {
	read := func(filter, projection bson.D, as string) bson.D {
		return bson.D{{Key: "$lookup", Value: bson.D{
			{Key: "from", Value: catalogName},
			{Key: "pipeline", Value: mongo.Pipeline{
				{{Key: "$match", Value: filter}}, {{Key: "$project", Value: projection}},
			}},
			{Key: "as", Value: as},
		}}}
	}
	pipeline := mongo.Pipeline{
		{{Key: "$match", Value: thisLog}},
		{{Key: "$project", Value: bson.D{{Key: "n", Value: 1}}}},
		read(bson.D{{Key: "_id", Value: headID}}, bson.D{{Key: "_id", Value: 0}}, "head"),
	}
	if len(ids) > 0 {
		pipeline = append(pipeline, read(bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, unread, "found"))
	}
	return pipeline
}

// with returns the catalog after changes of the documents with these IDs, of which those that still exist were found.
// It shares everything else with the catalog before.
func (h *heldCatalog) with(head headDocument, ids []string, found []catalogDocument) (*heldCatalog, error) {
	next := *h.catalog
	next.Version = head.Number
	for _, id := range ids {
		at := slices.IndexFunc(found, func(d catalogDocument) bool { return d.ID == id && !d.Gone })
		if at < 0 {
			remove(&next, id)
		} else if err := replace(&next, found[at]); err != nil {
			return nil, failed("reading the catalog", err)
		}
	}
	return hold(head, &next), nil
}

func remove(c *domain.Catalog, id string) {
	if role, ok := strings.CutPrefix(id, rolePrefix); ok {
		c.Roles = c.Roles.Without(domain.RoleID(role))
	} else if group, ok := strings.CutPrefix(id, groupPrefix); ok {
		c.Groups = c.Groups.Without(domain.GroupID(group))
	}
}

func replace(c *domain.Catalog, d catalogDocument) error {
	switch {
	case d.ID == settingsID:
		var err error
		c.Settings, err = settingsForm.decode(d.Doc)
		return err
	case strings.HasPrefix(d.ID, rolePrefix):
		role, err := roleForm.decode(d.Doc)
		c.Roles = c.Roles.With(role.ID, role)
		return err
	default:
		group, err := groupForm.decode(d.Doc)
		c.Groups = c.Groups.With(group)
		return err
	}
}

// readCatalog reads the whole catalog. The head has the lowest ID, and the collection is read in the order of IDs: the
// content read after a version is never older than the version.
func (s *Store) readCatalog(ctx context.Context) (*heldCatalog, error) {
	var docs []catalogDocument
	err := s.readAll(ctx, s.db.Collection(catalogName), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).
		SetHint("_id_").SetProjection(unread), &docs)
	if err != nil {
		return nil, err
	}
	var head headDocument
	var settings domain.Settings
	var roles []domain.Role
	var groups []domain.Group
	for _, d := range docs {
		switch {
		case d.Gone:
		case d.ID == headID:
			head = d.Head
		case d.ID == settingsID:
			settings, err = settingsForm.decode(d.Doc)
		case strings.HasPrefix(d.ID, rolePrefix):
			roles, err = decodeInto(roles, roleForm, d.Doc)
		default:
			groups, err = decodeInto(groups, groupForm, d.Doc)
		}
		if err != nil {
			return nil, failed("reading the catalog", err)
		}
	}
	return hold(head, domain.NewCatalog(head.Number, settings, roles, groups)), nil
}

func decodeInto[T any](items []T, form codec[T], doc bson.Raw) ([]T, error) {
	item, err := form.decode(doc)
	return append(items, item), err
}

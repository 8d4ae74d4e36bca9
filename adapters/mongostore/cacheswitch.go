package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
)

// EnableCache lets the nodes of an upgraded database cache; see cluster.go. It raises the version of the schema first:
// a version of the program that does not wait for caches refuses the database from then on. Nodes of such a version
// that are running do not notice, so they must be stopped before.
//
// The entries are written before the switch. If the switch fails after that, the call fails and is to be repeated.
func (s *Store) EnableCache(ctx context.Context, out domain.Outbox) (changed bool, err error) {
	schema, err := s.schema(ctx)
	if err != nil {
		return false, err
	}
	if schema.cached() {
		return false, s.cluster.create(ctx, true) // a call that was interrupted may not have come this far
	}
	entries := make([]any, len(out.Entries))
	for i, entry := range out.Entries {
		if entries[i], err = s.auditDocument(entry); err != nil {
			return false, err
		}
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := insertOnce(ctx, s.db.Collection(auditName), entries); err != nil {
		return false, err
	}
	result, err := s.db.Collection(metaName).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: schemaID}, {Key: "version", Value: schema.Version}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "version", Value: cachedSchema}}}})
	if err != nil {
		return false, failed("writing the schema's version", err)
	}
	return result.MatchedCount > 0, s.cluster.create(ctx, true)
}

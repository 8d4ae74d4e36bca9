package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// SyncPositions implements ports.SyncPositionStore.
type SyncPositions struct{ s *Store }

// SyncPositions returns the store of synchronization positions.
func (s *Store) SyncPositions() *SyncPositions { return &SyncPositions{s} }

// syncPrefix is the prefix of the IDs of positions in the meta collection.
const syncPrefix = "sync/"

type syncPositionDocument struct {
	Doc records.SyncPosition `bson:"doc"`
}

// SyncPosition returns the directory's position, or a zero one if there is none.
func (p *SyncPositions) SyncPosition(ctx context.Context, id domain.DirectoryID) (domain.SyncPosition, error) {
	var d syncPositionDocument
	_, err := p.s.readOne(ctx, p.s.db.Collection(metaName), bson.D{{Key: "_id", Value: syncPrefix + string(id)}}, &d)
	return d.Doc.Domain(), err
}

// PutSyncPosition replaces the directory's position.
func (p *SyncPositions) PutSyncPosition(ctx context.Context, position domain.SyncPosition) error {
	err := p.s.upsert(ctx, metaName, bson.D{{Key: "_id", Value: syncPrefix + string(position.Directory)}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "doc", Value: records.NewSyncPosition(&position)}}}})
	return failed("writing a synchronization position", err)
}

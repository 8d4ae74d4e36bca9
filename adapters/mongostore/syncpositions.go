package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// SyncPositions implements ports.SyncPositionStore.
type SyncPositions struct{ s *Store }

// SyncPositions returns the store of synchronization positions.
func (s *Store) SyncPositions() *SyncPositions { return &SyncPositions{s} }

var _ ports.SyncPositionStore = (*SyncPositions)(nil)

// syncPrefix is the prefix of the IDs of positions in the meta collection.
const syncPrefix = "sync/"

type syncPositionDocument struct {
	Doc records.SyncPosition `bson:"doc"`
}

// SyncPosition returns the directory's position, or a zero one if there is none.
func (p *SyncPositions) SyncPosition(ctx context.Context, id domain.DirectoryID) (domain.SyncPosition, error) {
	ctx, cancel := p.s.bound(ctx)
	defer cancel()
	var d syncPositionDocument
	err := p.s.db.Collection(metaName).FindOne(ctx, bson.D{{Key: "_id", Value: syncPrefix + string(id)}}).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return domain.SyncPosition{}, nil
	}
	return d.Doc.Domain(), failed("reading a synchronization position", err)
}

// PutSyncPosition replaces the directory's position.
func (p *SyncPositions) PutSyncPosition(ctx context.Context, position domain.SyncPosition) error {
	ctx, cancel := p.s.bound(ctx)
	defer cancel()
	err := p.s.upsert(ctx, metaName, bson.D{{Key: "_id", Value: syncPrefix + string(position.Directory)}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "doc", Value: records.NewSyncPosition(&position)}}}})
	return failed("writing a synchronization position", err)
}

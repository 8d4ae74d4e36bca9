package sqlitestore

import (
	"context"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// SyncPositions implements ports.SyncPositionStore.
type SyncPositions struct{ s *Store }

// SyncPositions returns the store of synchronization positions.
func (s *Store) SyncPositions() *SyncPositions { return &SyncPositions{s} }

// SyncPosition returns the directory's position, or the zero position if none is stored.
func (p *SyncPositions) SyncPosition(ctx context.Context, id domain.DirectoryID) (domain.SyncPosition, error) {
	var doc string
	err := p.s.reads.get(ctx, nil, "SELECT doc FROM sync_positions WHERE directory = ?", []any{id}, &doc)
	if err != nil || doc == "" {
		return domain.SyncPosition{}, err
	}
	return decodeAs(doc, (*records.SyncPosition).Domain)
}

// PutSyncPosition stores the position and replaces the directory's previous one.
func (p *SyncPositions) PutSyncPosition(ctx context.Context, position domain.SyncPosition) error {
	doc, err := encode(records.NewSyncPosition(&position))
	if err != nil {
		return err
	}
	return p.s.writer.do(ctx, func(t *tx) error {
		return t.exec(
			"INSERT INTO sync_positions (directory, doc) VALUES (?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc",
			position.Directory, doc)
	})
}

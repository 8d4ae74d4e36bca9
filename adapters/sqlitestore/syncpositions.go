package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// SyncPositions implements ports.SyncPositionStore.
type SyncPositions struct{ s *Store }

// SyncPositions returns the store of synchronization positions.
func (s *Store) SyncPositions() *SyncPositions { return &SyncPositions{s} }

var _ ports.SyncPositionStore = (*SyncPositions)(nil)

// SyncPosition returns the directory's position, or the zero position if none is stored.
func (p *SyncPositions) SyncPosition(ctx context.Context, id domain.DirectoryID) (domain.SyncPosition, error) {
	var doc string
	err := p.s.reads.get(ctx, fault.ErrNotFound, "SELECT doc FROM sync_positions WHERE directory = ?", []any{id}, &doc)
	if errors.Is(err, fault.ErrNotFound) {
		return domain.SyncPosition{}, nil
	}
	if err != nil {
		return domain.SyncPosition{}, err
	}
	var r records.SyncPosition
	err = decode(doc, &r)
	return r.Domain(), err
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

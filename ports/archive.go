package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// Archive reads and restores every record of a store, for a copy to another store. Nothing else uses the store
// meanwhile.
type Archive interface {
	// ArchivePage returns up to limit records of the kind with keys after the given one, in key order.
	ArchivePage(ctx context.Context, kind domain.ArchiveKind, after string, limit int) ([]domain.Archived, error)
	// ArchiveCount returns the number of records of the kind.
	ArchiveCount(ctx context.Context, kind domain.ArchiveKind) (int64, error)
	// ArchiveResume returns the key that is followed by exactly back keys of the kind, or "" if there are fewer. A
	// copy that may have lost its last back writes resumes there.
	ArchiveResume(ctx context.Context, kind domain.ArchiveKind, back int) (string, error)
	// Restore writes records unchanged, in the order given. It serves what no other port can write: all kinds from
	// attempts on, and users, whose username may equal another user's email if both were stored before that was
	// refused. A record whose key is already stored is skipped. Segments come before their records.
	Restore(ctx context.Context, kind domain.ArchiveKind, things []domain.Archived) error
}

package ports

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// Archive walks through everything that a store holds, for a copy to another store. Nothing else uses the store meanwhile.
type Archive interface {
	// ArchivePage returns up to limit things of the kind whose keys come after the one given, in the order of their keys.
	ArchivePage(ctx context.Context, kind domain.ArchiveKind, after string, limit int) ([]domain.Archived, error)
	// ArchiveCount returns how many things of the kind there are.
	ArchiveCount(ctx context.Context, kind domain.ArchiveKind) (int64, error)
	// ArchiveResume returns the key that has back keys of the kind after it, or "" when there are not so many: where a copy
	// goes on that may have lost its last back writes.
	ArchiveResume(ctx context.Context, kind domain.ArchiveKind, back int) (string, error)
	// Restore writes what no other port writes as it was, in the order given: all kinds from messages on, and users, whose
	// username may be another user's email from before that was refused. What is there already, by its key, is passed over.
	// Segments come before their records.
	Restore(ctx context.Context, kind domain.ArchiveKind, things []domain.Archived) error
}

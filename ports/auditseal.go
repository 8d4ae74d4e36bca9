package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// AuditSealStore keeps the segments that seal the audit log. A store writes an entry as domain.NewAuditRecord makes it, in
// the transaction of the change, and gives sealed bytes back as they were written. It passes conformance.AuditSeal.
type AuditSealStore interface {
	// Unsealed returns up to limit records that no segment holds yet, in the order in which they will be sealed: each was
	// written before every one that comes after it. Seq is set where the store gives places at the write.
	Unsealed(ctx context.Context, limit int) ([]domain.AuditRecord, error)
	// LastSegment returns the newest segment, without leaves; the zero segment when there is none.
	LastSegment(ctx context.Context) (domain.AuditSegment, error)
	// PutSegment stores the segment and gives its records their places, in one step. When the number is taken, because
	// another node has sealed it, it changes nothing and returns fault.ErrConflict.
	PutSegment(ctx context.Context, segment domain.AuditSegment, ids []domain.LogID) error
	// SealKey returns the sealed signing key, nil when there is none.
	SealKey(ctx context.Context) ([]byte, error)
	// PutSealKey keeps the key, unless there is one: then it is fault.ErrConflict.
	PutSealKey(ctx context.Context, sealed []byte) error
	// ReplaceSealKey puts the key in the place of was; when something else stands there it is fault.ErrConflict.
	ReplaceSealKey(ctx context.Context, was, sealed []byte) error
}

// AuditProofs reads what is sealed, in order and in constant memory, and takes the oldest part away.
type AuditProofs interface {
	// Segments calls yield for each segment, in order, from the one that holds the place seq or is the first after it. An
	// error of yield ends the walk.
	Segments(ctx context.Context, seq int64, yield func(domain.AuditSegment) error) error
	// Records calls yield for the records with places from first to last that match the query's filters, in the order of
	// their places; those that are not sealed yet stand at the places that they will have. The record and its slices are only
	// lent until yield returns.
	Records(ctx context.Context, first, last int64, query domain.AuditQuery, yield func(*domain.AuditRecord) error) error
	// Misfiled returns the first record with a place from first to last whose filter values are not those of its sealed text;
	// nil when there is none.
	Misfiled(ctx context.Context, first, last int64) (*domain.AuditMisfiling, error)
	// SegmentBefore returns the last segment whose entries were all sealed before the time given, without leaves; the zero
	// segment when there is none.
	SegmentBefore(ctx context.Context, at time.Time) (domain.AuditSegment, error)
	// CutSegments removes the entries of all segments up to the number given, with the segments before it. The segment with
	// the number itself stays without leaves: the log then begins after its checkpoint.
	CutSegments(ctx context.Context, number int64, out domain.Outbox) error
}

// AuditMarker marks entries as they are written, under a key that is not in the store: until an entry is sealed, its mark
// tells whether it is still what the service wrote. A store that was given none writes no marks.
type AuditMarker interface {
	// Mark returns the mark of the text of an entry.
	Mark(public []byte) []byte
}

// AuditEraser takes a person out of the audit log and leaves the log provable.
type AuditEraser interface {
	// ErasePerson erases the address and user agent of every entry of which the user is who acted, and the personal details
	// of every entry that the user did or was the target of.
	ErasePerson(ctx context.Context, id domain.UserID) error
}

// CheckpointSink takes checkpoints, and if it wants the entries that they seal, out of the reach of whoever can change the
// store. Without a copy outside nobody can prove that the newest entries were not cut off.
type CheckpointSink interface {
	// Publish takes a checkpoint and the records of its segment, which are only lent until it returns.
	Publish(ctx context.Context, checkpoint domain.AuditCheckpoint, records []domain.AuditRecord) error
}

package ports

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// AuditSealStore stores the segments that seal the audit log. A store writes an entry as auditformat.NewRecord makes
// it, in the transaction of the change, and returns sealed bytes exactly as they were written. It passes
// conformance.AuditSeal.
type AuditSealStore interface {
	// Unsealed returns up to limit records that are in no segment yet, in the order in which they will be sealed:
	// each was written before every later one. Seq is set if the store assigns positions at the write.
	Unsealed(ctx context.Context, limit int) ([]auditformat.Record, error)
	// LastSegment returns the newest segment, without leaves, or the zero segment if there is none.
	LastSegment(ctx context.Context) (auditformat.Segment, error)
	// PutSegment stores the segment and assigns its records their positions, atomically. If the number is taken,
	// because another node has sealed it, it changes nothing and returns fault.ErrConflict.
	PutSegment(ctx context.Context, segment auditformat.Segment, ids []domain.LogID) error
	// SealKey returns the sealed signing key, or nil if there is none.
	SealKey(ctx context.Context) ([]byte, error)
	// PutSealKey stores the key. If there is one already, it returns fault.ErrConflict.
	PutSealKey(ctx context.Context, sealed []byte) error
	// ReplaceSealKey replaces the key was by sealed. If another key is stored, it returns fault.ErrConflict.
	ReplaceSealKey(ctx context.Context, was, sealed []byte) error
}

// AuditSealLease elects the node that seals the audit log: of all nodes on one store, one leads at a time. The lease
// saves work and segments. Correctness does not depend on it, since PutSegment assigns each number once.
type AuditSealLease interface {
	// Lead takes the lease or renews it, and reports whether this node leads. A node that calls it in every interval
	// keeps the lease. After its death another node takes over within four intervals, at least four seconds.
	Lead(ctx context.Context, every time.Duration) (bool, error)
	// Resign ends the lease of this node, so that another one can lead at once.
	Resign(ctx context.Context) error
}

// AuditProofs reads sealed segments and records in order and in constant memory, and removes the oldest part of the
// log.
type AuditProofs interface {
	// Segments calls yield for each segment in order, beginning with the one that contains the position seq or is the
	// first after it. An error of yield ends the iteration.
	Segments(ctx context.Context, seq int64, yield func(auditformat.Segment) error) error
	// Records calls yield for the records with positions from first to last that match the query's filters, in the
	// order of their positions. Records that are not sealed yet appear at the positions that they will have. The
	// record and its slices are valid only until yield returns.
	Records(ctx context.Context, first, last int64, query domain.AuditQuery, yield func(*auditformat.Record) error) error
	// IndexMismatch returns the first record with a position from first to last whose indexed filter values differ from
	// those of its sealed text, or nil if there is none.
	IndexMismatch(ctx context.Context, first, last int64) (*auditformat.IndexMismatch, error)
	// SegmentBefore returns the last segment whose entries were all sealed before the given time, without leaves, or
	// the zero segment if there is none.
	SegmentBefore(ctx context.Context, at time.Time) (auditformat.Segment, error)
	// CutSegments decides, in one write, that the log begins after the segment with the given number. RemoveCut then
	// removes the entries of all segments up to it, and the segments before it; it remains itself, without leaves.
	CutSegments(ctx context.Context, number int64, out domain.Outbox) error
	// RemoveCut removes what was cut, in batches, until ctx ends. Another call continues where one was interrupted, and
	// does nothing if nothing is left.
	RemoveCut(ctx context.Context, progress Progress) error
}

// Progress is called with the entries that a long operation is done with. total is 0 if it is unknown. A nil Progress
// does nothing.
type Progress func(done, total int64)

// Report calls p.
func (p Progress) Report(done, total int64) {
	if p != nil {
		p(done, total)
	}
}

// AuditMarker computes a MAC for each entry as it is written, under a key that is not in the store. Until an entry is
// sealed, its mark proves that the entry is what the service wrote. A store without a marker writes no marks.
type AuditMarker interface {
	// Mark returns the mark of an entry's text.
	Mark(public []byte) []byte
}

// AuditEraser erases a person's data from the audit log. The log remains provable.
type AuditEraser interface {
	// ErasePerson erases the address and user agent of every entry whose actor is the user, and the personal details
	// of every entry of which the user is the actor or the target. It works in batches until ctx ends. A call that was
	// interrupted can be repeated, and skips what is erased.
	ErasePerson(ctx context.Context, id domain.UserID, progress Progress) error
}

// CheckpointSink stores checkpoints, and optionally the entries that they seal, out of reach of anyone who can change
// the store. Without a copy outside the store, truncation of the newest entries cannot be detected.
type CheckpointSink interface {
	// Publish stores the checkpoint of a segment, and its records. The segment and the records are valid only until it
	// returns.
	Publish(ctx context.Context, segment auditformat.Segment, records []auditformat.Record) error
}

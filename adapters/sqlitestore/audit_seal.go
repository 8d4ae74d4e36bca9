package sqlitestore

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// lastSealed selects the last position that a segment contains. The writer assigns positions in commit order and
// without gaps. A segment is a range of assigned positions, so sealing updates no entry.
const lastSealed = "SELECT coalesce((SELECT first + count - 1 FROM audit_segments ORDER BY number DESC LIMIT 1), 0)"

// Unsealed returns up to limit records that no segment contains, in the order of their positions.
func (a *Audit) Unsealed(ctx context.Context, limit int) ([]auditformat.Record, error) {
	var records []auditformat.Record
	err := a.s.reads.each(ctx, func(rows rowScanner) error {
		_, record, err := scanRecord(rows)
		records = append(records, record)
		return err
	}, "SELECT "+auditColumns+" FROM audit_entries WHERE seq > ("+lastSealed+") ORDER BY seq LIMIT 0+?", limit)
	return records, err
}

var errNoSegment = errors.New("no such segment")

const segmentColumns = "number, first, count, previous, root, sealed, key_id, signature, size, tree"

// segmentRow reads a segment, with its leaves if withLeaves is set.
func segmentRow(rows rowScanner, withLeaves bool) (auditformat.Segment, error) {
	var s auditformat.Segment
	var previous, root []byte
	var sealed string
	dest := []any{&s.Number, &s.First, &s.Count, &previous, &root, &sealed, &s.KeyID, &s.Signature, &s.Size, &s.Tree}
	if withLeaves {
		dest = append(dest, &s.Leaves)
	}
	if err := rows.Scan(dest...); err != nil {
		return s, err
	}
	if len(previous) != len(s.Previous) || len(root) != len(s.Root) {
		return s, errors.New("a segment of the audit log has digests of the wrong length")
	}
	s.Previous, s.Root = auditformat.Digest(previous), auditformat.Digest(root)
	var err error
	s.SealedAt, err = time.Parse(time.RFC3339Nano, sealed)
	return s, err
}

// segment returns the segment that the query selects, or the zero segment if it selects none.
func (a *Audit) segment(ctx context.Context, withLeaves bool, query string, args ...any) (auditformat.Segment, error) {
	var s auditformat.Segment
	columns := segmentColumns
	if withLeaves {
		columns += ", leaves"
	}
	err := a.s.reads.each(ctx, func(rows rowScanner) (err error) {
		s, err = segmentRow(rows, withLeaves)
		return err
	}, "SELECT "+columns+" FROM audit_segments "+query, args...)
	return s, err
}

// LastSegment returns the newest segment, without its leaves.
func (a *Audit) LastSegment(ctx context.Context) (auditformat.Segment, error) {
	return a.segment(ctx, false, "ORDER BY number DESC LIMIT 1")
}

// PutSegment stores the segment if its number is the next one, and returns fault.ErrConflict otherwise. The records of
// the segment already have their positions.
func (a *Audit) PutSegment(ctx context.Context, s auditformat.Segment, _ []domain.LogID) error {
	return a.s.writer.do(ctx, func(t *tx) error {
		var last int64
		if err := t.get(errNoSegment, "SELECT coalesce(max(number), 0) FROM audit_segments", nil, &last); err != nil {
			return err
		}
		if s.Number != last+1 {
			return fault.ErrConflict
		}
		return putSegment(t, &s, "")
	})
}

func putSegment(t *tx, s *auditformat.Segment, onConflict string) error {
	return t.exec("INSERT INTO audit_segments ("+segmentColumns+
		", sealed_at, leaves) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"+onConflict,
		s.Number, s.First, s.Count, s.Previous[:], s.Root[:], s.SealedAt.UTC().Format(time.RFC3339Nano), s.KeyID, s.Signature,
		s.Size, s.Tree, stamp(s.SealedAt), s.Leaves)
}

// SealKey returns the sealed signing key, or nil if none is stored.
func (a *Audit) SealKey(ctx context.Context) ([]byte, error) {
	var sealed []byte
	err := a.s.reads.each(ctx, func(rows rowScanner) error { return rows.Scan(&sealed) },
		"SELECT sealed FROM audit_seal_key")
	return sealed, err
}

// ReplaceSealKey replaces the stored key if it equals was, and returns fault.ErrConflict otherwise.
func (a *Audit) ReplaceSealKey(ctx context.Context, was, sealed []byte) error {
	return a.s.writer.do(ctx, func(t *tx) error {
		return t.execNew("UPDATE audit_seal_key SET sealed = ? WHERE sealed = ?", sealed, was)
	})
}

// PutSealKey stores the key, or returns fault.ErrConflict if a key is stored already.
func (a *Audit) PutSealKey(ctx context.Context, sealed []byte) error {
	return a.s.writer.do(ctx, func(t *tx) error {
		return t.execNew("INSERT OR IGNORE INTO audit_seal_key (one, sealed) VALUES (1, ?)", sealed)
	})
}

// Lead returns true: one process has the database open.
func (a *Audit) Lead(context.Context, time.Duration) (bool, error) { return true, nil }

// Resign does nothing: the next process leads as soon as it has the database open.
func (a *Audit) Resign(context.Context) error { return nil }

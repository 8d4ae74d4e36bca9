package sqlitestore

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Segments calls yield for each segment, starting at the segment that contains the position.
func (a *Audit) Segments(ctx context.Context, seq int64, yield func(auditformat.Segment) error) error {
	for next := int64(0); ; {
		segment, err := a.segment(ctx, true,
			"WHERE number >= ? AND first + count > ? ORDER BY number LIMIT 1", next, seq)
		if err != nil || segment.Number == 0 {
			return err
		}
		if err := yield(segment); err != nil {
			return err
		}
		next = segment.Number + 1
	}
}

// Records calls yield for the matching records with positions from first to last, in the order of their positions.
func (a *Audit) Records(ctx context.Context, first, last int64, q domain.AuditQuery,
	yield func(*auditformat.Record) error,
) error {
	where, args, none := a.filter(&q)
	if none {
		return nil
	}
	if !q.From.IsZero() || !q.Until.IsZero() {
		var err error
		if first, last, err = a.narrow(ctx, first, last, &q); err != nil {
			return err
		}
	}
	if q.UserID != "" || q.IPAddress != "" || q.RequestID != "" {
		return a.listed(ctx, first, last, where, args, yield)
	}
	return a.ranged(ctx, first, last, where, args, yield)
}

// filter returns the conditions of the query. It reports with none that no record can match.
func (a *Audit) filter(q *domain.AuditQuery) (where string, args []any, none bool) {
	also := func(filtered bool, condition string, arg any) {
		if filtered {
			where += " AND " + condition
			args = append(args, arg)
		}
	}
	kinds, byKind := a.s.kinds.matching(q)
	also(byKind, "kind IN (SELECT value FROM json_each(?))", jsonArray(kinds))
	also(q.UserID != "", "user_id = ?", q.UserID)
	also(q.IPAddress != "", "ip = ?", q.IPAddress)
	also(q.RequestID != "", "request_id = ? AND request_id <> ''", q.RequestID)
	also(!q.From.IsZero(), "+at >= ?", stamp(q.From))
	also(!q.Until.IsZero(), "+at < ?", stamp(q.Until))
	return where, args, byKind && len(kinds) == 0
}

// narrow restricts the range of positions to the time range of the query. Positions are mostly in the order of time, so
// the result contains few entries outside the time range.
func (a *Audit) narrow(ctx context.Context, first, last int64, q *domain.AuditQuery) (int64, int64, error) {
	begin, end := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.From.IsZero() {
		begin = stamp(q.From)
	}
	if !q.Until.IsZero() {
		end = stamp(q.Until)
	}
	var low, high sql.NullInt64
	err := a.s.reads.get(ctx, errNoRow,
		"SELECT min(seq), max(seq) FROM audit_entries INDEXED BY audit_at WHERE at >= ? AND at < ?",
		[]any{begin, end}, &low, &high)
	if err != nil || !low.Valid {
		return 0, -1, err
	}
	return max(first, low.Int64), min(last, high.Int64), nil
}

const recordColumns = "seq, public, ip, user_agent, actor_salt, personal, personal_salt"

// ranged reads a range of positions in chunks, because a long read transaction prevents checkpoints of the write-ahead
// log.
func (a *Audit) ranged(ctx context.Context, first, last int64, where string, args []any,
	yield func(*auditformat.Record) error,
) error {
	query := "SELECT " + recordColumns + " FROM audit_entries WHERE seq BETWEEN ? AND ?" + where +
		" ORDER BY seq LIMIT 0+?"
	chunk := newAuditChunk()
	for first <= last {
		if err := chunk.read(ctx, a.s.reads, query, append(append([]any{first, last}, args...), scanChunk)...); err != nil {
			return err
		}
		if err := chunk.each(yield); err != nil {
			return err
		}
		if len(chunk.records) < scanChunk {
			return nil
		}
		first = chunk.records[scanChunk-1].Seq + 1
	}
	return nil
}

// listed reads the records that an index finds. It reads only the positions first, in order to sort them.
func (a *Audit) listed(ctx context.Context, first, last int64, where string, args []any,
	yield func(*auditformat.Record) error,
) error {
	var positions []int64
	err := a.s.reads.each(ctx, into(&positions, scanValue[int64]),
		"SELECT seq FROM audit_entries WHERE +seq BETWEEN ? AND ?"+where+" ORDER BY seq",
		append([]any{first, last}, args...)...)
	if err != nil {
		return err
	}
	const query = "SELECT " + recordColumns +
		" FROM audit_entries WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq"
	records := newAuditChunk()
	for chunk := range slices.Chunk(positions, scanChunk) {
		if err := records.read(ctx, a.s.reads, query, jsonArray(chunk)); err != nil {
			return err
		}
		if err := records.each(yield); err != nil {
			return err
		}
	}
	return nil
}

// SegmentBefore returns the last segment such that it and all segments before it were sealed before the time.
func (a *Audit) SegmentBefore(ctx context.Context, at time.Time) (auditformat.Segment, error) {
	return a.segment(ctx, false, `WHERE leaves IS NOT NULL
		AND number < coalesce((SELECT min(number) FROM audit_segments WHERE sealed_at >= ?), 9223372036854775807)
		ORDER BY number DESC LIMIT 1`, stamp(at))
}

// CutSegments makes the audit log begin after the segment. The cut is one transaction. RemoveCut then deletes the
// entries before it in chunks, so that other writes do not wait long. Opening the store continues a deletion that a
// crash has interrupted.
func (a *Audit) CutSegments(ctx context.Context, number int64, out domain.Outbox) error {
	return a.s.writer.do(ctx, func(t *tx) error {
		count, err := t.execCount("UPDATE audit_segments SET leaves = NULL WHERE number = ?", number)
		if err != nil {
			return err
		}
		if count == 0 {
			return errNoSegment
		}
		if err := t.exec("DELETE FROM audit_segments WHERE number < ?", number); err != nil {
			return err
		}
		return a.s.writeOutbox(t, out)
	})
}

// RemoveCut deletes the entries before the cut.
func (a *Audit) RemoveCut(ctx context.Context, progress ports.Progress) error {
	return a.s.removeCut(ctx, progress)
}

// continueCut is removeCut at the opening of the store.
func (s *Store) continueCut(ctx context.Context) error { return s.removeCut(ctx, nil) }

// removeCut deletes the entries before the cut, in chunks. A cheap read finds that there are none.
func (s *Store) removeCut(ctx context.Context, progress ports.Progress) error {
	var first, end sql.NullInt64
	if err := s.reads.get(ctx, errNoSegment, cutRange, nil, &first, &end); err != nil {
		return err
	}
	for more := isCut(first, end); more; {
		var last int64
		err := s.writer.do(ctx, func(t *tx) (err error) {
			last, more, err = removeCutChunk(t)
			return err
		})
		if err != nil {
			return err
		}
		if last > 0 { // another call may have removed the rest
			progress.Report(last-first.Int64+1, end.Int64-first.Int64+1)
		}
	}
	return nil
}

// cutRange selects the position of the first entry and the last position of the cut. A cut leaves its segment as the
// first one. Any other segment without leaves was tampered with: it is for the verification to report, and nothing must
// be deleted because of it.
const cutRange = `SELECT (SELECT min(seq) FROM audit_entries),
	(SELECT first + count - 1 FROM audit_segments
		WHERE leaves IS NULL AND number = (SELECT min(number) FROM audit_segments))`

func isCut(first, end sql.NullInt64) bool {
	return first.Valid && end.Valid && first.Int64 <= end.Int64
}

func removeCutChunk(t *tx) (last int64, more bool, err error) {
	var first, end sql.NullInt64
	err = t.get(errNoSegment, cutRange, nil, &first, &end)
	if err != nil || !isCut(first, end) {
		return 0, false, err
	}
	last = min(end.Int64, first.Int64+sweepChunk-1)
	err = t.exec(`UPDATE audit_kinds SET entries = entries -
		(SELECT count(*) FROM audit_entries e WHERE e.seq <= ? AND +e.kind = audit_kinds.kind)`, last)
	if err != nil {
		return 0, false, err
	}
	return last, last < end.Int64, t.exec("DELETE FROM audit_entries WHERE seq <= ?", last)
}

// ErasePerson erases the personal data of the user from the entries and keeps the sealed part. It writes in chunks, so
// that other writes do not wait long. The caller repeats an interrupted call.
func (a *Audit) ErasePerson(ctx context.Context, id domain.UserID, progress ports.Progress) error {
	const (
		actor = "UPDATE audit_entries SET ip = '', user_agent = '', actor_salt = NULL, personal = NULL, " +
			"personal_salt = CASE WHEN personal IS NULL THEN personal_salt END WHERE seq IN (SELECT value FROM json_each(?))"
		target = "UPDATE audit_entries SET personal = NULL, personal_salt = NULL WHERE seq IN (SELECT value FROM " +
			"json_each(?))"
	)
	actors, err := a.positions(ctx, "SELECT seq FROM audit_entries WHERE user_id = ? AND (ip <> '' OR user_agent <> '' "+
		"OR actor_salt IS NOT NULL OR personal IS NOT NULL)", id)
	if err != nil {
		return err
	}
	targets, err := a.positions(ctx, "SELECT seq FROM audit_entries WHERE target = ? AND personal IS NOT NULL", id)
	if err != nil {
		return err
	}
	var done int64
	for _, e := range []struct {
		change    string
		positions []int64
	}{{actor, actors}, {target, targets}} {
		for chunk := range slices.Chunk(e.positions, sweepChunk) {
			if err := a.s.writer.do(ctx, func(t *tx) error { return t.exec(e.change, jsonArray(chunk)) }); err != nil {
				return err
			}
			done += int64(len(chunk))
			progress.Report(done, int64(len(actors)+len(targets)))
		}
	}
	return nil
}

// positions returns the positions of the entries of the user that the query selects.
func (a *Audit) positions(ctx context.Context, query string, id domain.UserID) (positions []int64, err error) {
	err = a.s.reads.each(ctx, into(&positions, scanValue[int64]), query, string(id))
	return positions, err
}

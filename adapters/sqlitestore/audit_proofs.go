package sqlitestore

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
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

// CutSegments makes the audit log begin after the segment. The cut is one transaction. The entries before it are then
// deleted in chunks, so that other writes do not wait long. Opening the store continues a deletion that a crash has
// interrupted.
func (a *Audit) CutSegments(ctx context.Context, number int64, out domain.Outbox) error {
	err := a.s.writer.do(ctx, func(t *tx) error {
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
	if err != nil {
		return err
	}
	return a.s.removeCut(context.WithoutCancel(ctx))
}

// removeCut deletes the entries before the cut, in chunks.
func (s *Store) removeCut(ctx context.Context) error {
	for more := true; more; {
		err := s.writer.do(ctx, func(t *tx) (err error) {
			more, err = removeCutChunk(t)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func removeCutChunk(t *tx) (more bool, err error) {
	var first, end sql.NullInt64
	err = t.get(errNoSegment, `SELECT (SELECT min(seq) FROM audit_entries),
		(SELECT first + count - 1 FROM audit_segments WHERE leaves IS NULL ORDER BY number DESC LIMIT 1)`, nil, &first, &end)
	if err != nil || !first.Valid || !end.Valid || first.Int64 > end.Int64 {
		return false, err
	}
	last := min(end.Int64, first.Int64+sweepChunk-1)
	err = t.exec(`UPDATE audit_kinds SET entries = entries -
		(SELECT count(*) FROM audit_entries e WHERE e.seq <= ? AND +e.kind = audit_kinds.kind)`, last)
	if err != nil {
		return false, err
	}
	return last < end.Int64, t.exec("DELETE FROM audit_entries WHERE seq <= ?", last)
}

// ErasePerson erases the personal data of the user from the entries and keeps the sealed part. It writes in chunks, so
// that other writes do not wait long. The caller repeats an interrupted call.
func (a *Audit) ErasePerson(ctx context.Context, id domain.UserID) error {
	const (
		actor = "UPDATE audit_entries SET ip = '', user_agent = '', actor_salt = NULL, personal = NULL, " +
			"personal_salt = CASE WHEN personal IS NULL THEN personal_salt END WHERE seq IN (SELECT value FROM json_each(?))"
		target = "UPDATE audit_entries SET personal = NULL, personal_salt = NULL WHERE seq IN (SELECT value FROM " +
			"json_each(?))"
	)
	if err := a.erase(ctx, actor, "SELECT seq FROM audit_entries WHERE user_id = ?", string(id)); err != nil {
		return err
	}
	return a.erase(ctx, target, "SELECT seq FROM audit_entries WHERE target = ? AND personal IS NOT NULL", string(id))
}

// erase executes the change on the entries that the query selects.
func (a *Audit) erase(ctx context.Context, change, query string, args ...any) error {
	var positions []int64
	if err := a.s.reads.each(ctx, into(&positions, scanValue[int64]), query, args...); err != nil {
		return err
	}
	for chunk := range slices.Chunk(positions, sweepChunk) {
		if err := a.s.writer.do(ctx, func(t *tx) error { return t.exec(change, jsonArray(chunk)) }); err != nil {
			return err
		}
	}
	return nil
}

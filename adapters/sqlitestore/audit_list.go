package sqlitestore

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// auditPlan is how a query of the audit trail is answered. Entries are in the order of their time, and of their place among
// equals.
//
// Each kind that matches is a stream of its own in the index that begins with what else the query filters by; the streams
// are cut off at the length of the page and merged. So nothing is read that does not match, whatever the filters are.
type auditPlan struct {
	index string
	where string // what the index begins with
	args  []any
	kinds []int64 // nil where the streams are one
	// The times between which entries are, and the places between which they are read. Nil bounds cost nothing.
	from, until   *int64
	after, before *auditPlace
}

// auditPlace is a place in the order.
type auditPlace struct{ at, seq int64 }

// planAudit returns the plan; none tells that nothing can match.
func (s *Store) planAudit(q *domain.AuditQuery) (p auditPlan, none bool) {
	kinds, byKind := s.kinds.matching(q)
	if len(kinds) == 0 {
		return p, true
	}
	switch {
	case q.RequestID != "": // few entries: the rest is looked at in each
		p.index, p.where, p.args = "audit_request", "e.request_id = ? AND e.request_id <> ''", []any{q.RequestID}
		p.also(q.UserID != "", "e.user_id = ?", q.UserID)
		p.also(q.IPAddress != "", "e.ip = ?", q.IPAddress)
		p.also(byKind, "e.kind IN (SELECT value FROM json_each(?))", jsonArray(kinds))
	case q.UserID != "" && q.IPAddress != "": // the index has the kind too, so looking at it reads no entry
		p.index, p.where, p.args = "audit_user_ip", "e.user_id = ? AND e.ip = ?", []any{q.UserID, q.IPAddress}
		p.also(byKind, "e.kind IN (SELECT value FROM json_each(?))", jsonArray(kinds))
	case q.UserID != "":
		p.index, p.where, p.args = "audit_user", "e.user_id = ?", []any{q.UserID}
		p.split(byKind, kinds)
	case q.IPAddress != "":
		p.index, p.where, p.args = "audit_ip", "e.ip = ?", []any{q.IPAddress}
		p.split(byKind, kinds)
	case byKind:
		p.index, p.where, p.kinds = "audit_kind", "TRUE", kinds
	default:
		p.index, p.where = "audit_at", "TRUE"
	}
	if at := stamp(q.From); !q.From.IsZero() {
		p.from = &at
	}
	if at := stamp(q.Until); !q.Until.IsZero() {
		p.until = &at
	}
	return p, false
}

// split makes a stream of each kind.
func (p *auditPlan) split(byKind bool, kinds []int64) {
	if byKind {
		p.index, p.kinds = p.index+"_kind", kinds
	}
}

func (p *auditPlan) also(filtered bool, where string, arg any) {
	if filtered {
		p.where += " AND " + where
		p.args = append(p.args, arg)
	}
}

// stream is what is read of the index, as a table e. With kinds it is of one of them, which comes as the last argument.
func (p *auditPlan) stream() (string, []any) {
	where, args := "FROM audit_entries e INDEXED BY "+p.index+" WHERE "+p.where, slices.Clone(p.args)
	if p.from != nil {
		where, args = where+" AND e.at >= ?", append(args, *p.from)
	}
	if p.until != nil {
		where, args = where+" AND e.at < ?", append(args, *p.until)
	}
	if p.after != nil {
		where, args = where+" AND (e.at, e.seq) > (?, ?)", append(args, p.after.at, p.after.seq)
	}
	if p.before != nil {
		where, args = where+" AND (e.at, e.seq) < (?, ?)", append(args, p.before.at, p.before.seq)
	}
	return where, args
}

// startAt has the reading go on at a place. Of two bounds on one side SQLite seeks by one alone, so the wider one goes; the
// place came with an entry within it, or with a forged cursor, which gets what it asks for.
func (p *auditPlan) startAt(after, before *auditPlace) {
	if after != nil && (p.from == nil || after.at >= *p.from) {
		p.from, p.after = nil, after
	}
	if before != nil && (p.until == nil || before.at < *p.until) {
		p.until, p.before = nil, before
	}
}

// page returns the query of a page in the direction, ASC or DESC.
func (p *auditPlan) page(direction string, limit, offset int) (string, []any) {
	stream, args := p.stream()
	order := strings.ReplaceAll(" ORDER BY e.at ?, e.seq ?", "?", direction)
	if p.kinds == nil {
		return "SELECT " + auditColumns + " " + stream + order + " LIMIT ? OFFSET ?", append(args, limit, offset)
	}
	places, args := merge("SELECT e.at, e.seq "+stream+" AND e.kind = ?", args, p.kinds)
	places += strings.ReplaceAll(" ORDER BY 1 ?, 2 ?", "?", direction) + " LIMIT ? OFFSET ?"
	return "SELECT " + auditColumns + " FROM audit_entries e WHERE e.seq IN (SELECT seq FROM (" + places + "))" + order, append(args, limit, offset)
}

// all returns the query of all matches in no order, with what it selects.
func (p *auditPlan) all(what string) (string, []any) {
	stream, args := p.stream()
	if p.kinds != nil {
		stream = strings.Replace(stream, "FROM ", "FROM json_each(?) k CROSS JOIN ", 1) + " AND e.kind = k.value"
		args = append([]any{jsonArray(p.kinds)}, args...)
	}
	return "SELECT " + what + " " + stream, args
}

// jsonArray returns the numbers as json_each reads them.
func jsonArray(numbers []int64) string {
	raw := []byte{'['}
	for i, n := range numbers {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = strconv.AppendInt(raw, n, 10)
	}
	return string(append(raw, ']'))
}

// List returns one page, newest first.
func (a *Audit) List(ctx context.Context, q domain.AuditQuery) (domain.AuditPage, error) {
	var page domain.AuditPage
	if q.Page.Limit <= 0 {
		q.Page.Limit = domain.DefaultPageLimit
	}
	plan, none := a.s.planAudit(&q)
	if none {
		return page, nil
	}
	var err error
	if page.Total, page.TotalEstimated, err = a.total(ctx, &plan, &q); err != nil {
		return page, err
	}
	if q.Page.After != nil {
		place, err := parseAuditCursor(q.Page.After)
		if err != nil {
			return page, err
		}
		plan.startAt(nil, &place)
	}
	var last auditPlace
	query, args := plan.page("DESC", q.Page.Limit+1, q.Page.Offset())
	err = a.s.reads.each(ctx, func(rows rowScanner) error {
		row, err := scanAudit(rows)
		if err != nil {
			return err
		}
		if len(page.Entries) == q.Page.Limit { // the one more that tells of a next page
			page.Next = &domain.Cursor{Sort: domain.SortLogs, Key: strconv.FormatInt(last.at, 10), ID: strconv.FormatInt(last.seq, 10)}
			return nil
		}
		entry, err := row.record.Entry()
		last = auditPlace{row.at, row.record.Seq}
		page.Entries = append(page.Entries, entry)
		return err
	}, query, args...)
	return page, err
}

// total counts. Without a filter that cuts into the kinds, the counters know.
func (a *Audit) total(ctx context.Context, p *auditPlan, q *domain.AuditQuery) (total int64, estimated bool, err error) {
	if q.UserID == "" && q.IPAddress == "" && q.RequestID == "" && q.From.IsZero() && q.Until.IsZero() {
		query, args := "SELECT coalesce(sum(entries), 0) FROM audit_kinds", []any(nil)
		if p.kinds != nil {
			query, args = query+" WHERE kind IN (SELECT value FROM json_each(?))", []any{jsonArray(p.kinds)}
		}
		err = a.s.reads.get(ctx, errNoEntry, query, args, &total)
		return total, false, err
	}
	// Passing over as many as are counted exactly, and counting only when there are no more, takes a third of the time that a
	// count with a limit takes.
	query, args := p.all("1")
	err = a.s.reads.get(ctx, errNoEntry, query+" LIMIT 1 OFFSET ?", append(args, domain.ExactTotal), &total)
	if !errors.Is(err, errNoEntry) {
		return domain.ExactTotal + 1, true, err
	}
	query, args = p.all("count(*)")
	err = a.s.reads.get(ctx, errNoEntry, query, args, &total)
	return total, false, err
}

func parseAuditCursor(c *domain.Cursor) (auditPlace, error) {
	at, err1 := strconv.ParseInt(c.Key, 10, 64)
	seq, err2 := strconv.ParseInt(c.ID, 10, 64)
	if err1 != nil || err2 != nil || c.Sort != domain.SortLogs {
		return auditPlace{}, fault.ErrInvalid.About("cursor", "is not a cursor of this list")
	}
	return auditPlace{at, seq}, nil
}

// scanChunk is how many entries a scan reads at once. It ends each reading soon, since a long one keeps the log of the
// database from being folded back.
const scanChunk = 1000

// Scan calls yield for each entry that matches, oldest first.
func (a *Audit) Scan(ctx context.Context, q domain.AuditQuery, yield func(domain.AuditEntry) error) error {
	plan, none := a.s.planAudit(&q)
	if none {
		return nil
	}
	for {
		query, args := plan.page("ASC", scanChunk, 0)
		chunk := make([]auditRow, 0, scanChunk)
		err := a.s.reads.each(ctx, func(rows rowScanner) error {
			row, err := scanAudit(rows)
			chunk = append(chunk, row)
			return err
		}, query, args...)
		if err != nil {
			return err
		}
		for i := range chunk {
			entry, err := chunk[i].record.Entry()
			if err != nil {
				return err
			}
			if err := yield(entry); err != nil {
				return err
			}
		}
		if len(chunk) < scanChunk {
			return nil
		}
		plan.startAt(&auditPlace{chunk[scanChunk-1].at, chunk[scanChunk-1].record.Seq}, nil)
	}
}

package sqlitestore

import (
	"context"
	"encoding/json"
	"math"
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
	index  string
	where  string // what the index begins with
	args   []any
	kinds  string     // as a JSON array; empty where the streams are one
	before auditPlace // the upper end, exclusive
	after  auditPlace // the lower end, exclusive; for scans
}

// auditPlace is a place in the order.
type auditPlace struct{ at, seq int64 }

var (
	auditBegin = auditPlace{math.MinInt64, math.MinInt64}
	auditEnd   = auditPlace{math.MaxInt64, math.MaxInt64}
)

// planAudit returns the plan; none tells that nothing can match.
func (s *Store) planAudit(q *domain.AuditQuery) (p auditPlan, none bool, err error) {
	kinds, byKind := s.kinds.matching(q)
	if len(kinds) == 0 {
		return p, true, nil
	}
	list, err := json.Marshal(kinds)
	if err != nil {
		return p, false, err
	}
	p = auditPlan{after: auditBegin, before: auditEnd}
	switch {
	case q.RequestID != "": // few entries: the rest is looked at in each
		p.index, p.where, p.args = "audit_request", "e.request_id = ? AND e.request_id <> ''", []any{q.RequestID}
		p.also(q.UserID != "", "e.user_id = ?", q.UserID)
		p.also(q.IPAddress != "", "e.ip = ?", q.IPAddress)
		p.also(byKind, "e.kind IN (SELECT value FROM json_each(?))", string(list))
	case q.UserID != "" && q.IPAddress != "":
		p.index, p.where, p.args, p.kinds = "audit_user_ip", "e.user_id = ? AND e.ip = ?", []any{q.UserID, q.IPAddress}, string(list)
	case q.UserID != "":
		p.index, p.where, p.args, p.kinds = "audit_user", "e.user_id = ?", []any{q.UserID}, string(list)
	case q.IPAddress != "":
		p.index, p.where, p.args, p.kinds = "audit_ip", "e.ip = ?", []any{q.IPAddress}, string(list)
	case byKind:
		p.index, p.where, p.kinds = "audit_kind", "TRUE", string(list)
	default:
		p.index, p.where = "audit_at", "TRUE"
	}
	if !q.From.IsZero() {
		p.after = auditPlace{stamp(q.From), math.MinInt64}
	}
	if !q.Until.IsZero() {
		p.before = auditPlace{stamp(q.Until), math.MinInt64}
	}
	return p, false, nil
}

func (p *auditPlan) also(filtered bool, where string, arg any) {
	if filtered {
		p.where += " AND " + where
		p.args = append(p.args, arg)
	}
}

func (p *auditPlace) less(o auditPlace) bool { return p.at < o.at || p.at == o.at && p.seq < o.seq }

// stream is what is read of the index, as a table e; with kinds, of one kind k.
func (p *auditPlan) stream() (string, []any) {
	where := "FROM audit_entries e INDEXED BY " + p.index + " WHERE " + p.where
	if p.kinds != "" {
		where += " AND e.kind = k.value"
	}
	return where + " AND (e.at, e.seq) > (?, ?) AND (e.at, e.seq) < (?, ?)",
		append(append([]any(nil), p.args...), p.after.at, p.after.seq, p.before.at, p.before.seq)
}

// page returns the query of a page in the direction, ASC or DESC.
func (p *auditPlan) page(direction string, limit, offset int) (string, []any) {
	stream, args := p.stream()
	order := strings.ReplaceAll(" ORDER BY e.at ?, e.seq ?", "?", direction)
	if p.kinds == "" {
		return "SELECT " + auditColumns + " " + stream + order + " LIMIT ? OFFSET ?", append(args, limit, offset)
	}
	query := "SELECT " + auditColumns + " FROM audit_entries e WHERE e.seq IN (SELECT o.seq FROM json_each(?) k CROSS JOIN audit_entries o " +
		"ON o.seq IN (SELECT e.seq " + stream + order + " LIMIT ?))" + order + " LIMIT ? OFFSET ?"
	return query, append(append([]any{p.kinds}, args...), limit+offset, limit, offset)
}

// count returns the query that counts up to limit matches.
func (p *auditPlan) count(limit int) (string, []any) {
	stream, args := p.stream()
	if p.kinds != "" {
		stream = strings.Replace(stream, "FROM ", "FROM json_each(?) k CROSS JOIN ", 1)
		args = append([]any{p.kinds}, args...)
	}
	return "SELECT count(*) FROM (SELECT 1 " + stream + " LIMIT ?)", append(args, limit)
}

// List returns one page, newest first.
func (a *Audit) List(ctx context.Context, q domain.AuditQuery) (domain.AuditPage, error) {
	var page domain.AuditPage
	if q.Page.Limit <= 0 {
		q.Page.Limit = domain.DefaultPageLimit
	}
	plan, none, err := a.s.planAudit(&q)
	if err != nil || none {
		return page, err
	}
	if page.Total, page.TotalEstimated, err = a.total(ctx, &plan, &q); err != nil {
		return page, err
	}
	if q.Page.After != nil {
		after, err := parseAuditCursor(q.Page.After)
		if err != nil {
			return page, err
		}
		if after.less(plan.before) {
			plan.before = after
		}
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
		if p.kinds != "" {
			query, args = query+" WHERE kind IN (SELECT value FROM json_each(?))", []any{p.kinds}
		}
		err = a.s.reads.get(ctx, errNoEntry, query, args, &total)
		return total, false, err
	}
	query, args := p.count(domain.ExactTotal + 1)
	err = a.s.reads.get(ctx, errNoEntry, query, args, &total)
	return total, total > domain.ExactTotal, err
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
	plan, none, err := a.s.planAudit(&q)
	if err != nil || none {
		return err
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
		plan.after = auditPlace{chunk[scanChunk-1].at, chunk[scanChunk-1].record.Seq}
	}
}

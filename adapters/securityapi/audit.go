package securityapi

import (
	"context"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/httpserver/nullable"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

func (a *api) auditRoutes() []httpserver.Route {
	return []httpserver.Route{
		route(http.MethodGet, "/audit/logs", httpserver.SignedIn(), a.listLogs),
		route(http.MethodPost, "/audit/export", httpserver.Requires(domain.AuditExport),
			httpserver.BindBody(a.exportLogs)),
		route(http.MethodPost, "/audit/verify", httpserver.Requires(domain.AuditRead),
			httpserver.BindOptional(a.verifyLog)),
		// No call of the public listener removes an entry.
		socketOnly(route(http.MethodPost, "/audit/retain", httpserver.Requires(domain.SystemConfigure),
			httpserver.BindBody(a.retainLog))),
	}
}

// auditFilter is what a reader asks for, before it is checked.
type auditFilter struct {
	userID, start, end, ip, success, requestID string
	actions                                    []string
}

func (a *api) listLogs(r *httpserver.Request) error {
	q, err := r.Query()
	if err != nil {
		return err
	}
	filter := auditFilter{actions: q.All("action")}
	for name, into := range map[string]*string{
		"user_id": &filter.userID, "start_date": &filter.start, "end_date": &filter.end, "ip_address": &filter.ip,
		"success": &filter.success, "request_id": &filter.requestID,
	} {
		if *into, err = q.One(name); err != nil {
			return err
		}
		if q.Has(name) && *into == "" {
			return fault.ErrInvalid.About(name, "must not be empty")
		}
	}
	query, err := filter.query(auditFields{start: "start_date", end: "end_date", action: "action", ip: "ip_address"})
	if err != nil {
		return err
	}
	if query.Page, err = q.Page(domain.SortLogs); err != nil {
		return err
	}
	page, err := a.Audit.List(r.Context(), r.Principal, query)
	return r.Reply(logsOf(page, query.Page), err)
}

// auditFields are the names to report.
type auditFields struct{ start, end, action, ip string }

// query checks the filter.
func (f auditFilter) query(name auditFields) (domain.AuditQuery, error) {
	q := domain.AuditQuery{UserID: f.userID, RequestID: f.requestID}
	for _, text := range f.actions {
		if !slices.Contains(domain.Actions, domain.Action(text)) {
			return q, fault.ErrInvalid.About(name.action, "is not an action of the audit log")
		}
		q.Actions = append(q.Actions, domain.Action(text))
	}
	var err error
	if q.From, err = moment(name.start, f.start, 0); err != nil {
		return q, err
	}
	if q.Until, err = moment(name.end, f.end, 1); err != nil {
		return q, err
	}
	if !q.From.IsZero() && !q.Until.IsZero() && !q.From.Before(q.Until) {
		return q, fault.ErrInvalid.About(name.end, "must be after "+name.start)
	}
	if q.Success, err = truth("success", f.success); err != nil {
		return q, err
	}
	if f.ip != "" {
		address, err := netip.ParseAddr(f.ip)
		if err != nil {
			return q, fault.ErrInvalid.About(name.ip, "must be an IP address")
		}
		q.IPAddress = address.Unmap().String()
	}
	return q, nil
}

// truth reads true or false; nil where the text is empty.
func truth(field, text string) (*bool, error) {
	switch text {
	case "":
		return nil, nil //nolint:nilnil // not asked for
	case "true", "false":
		return new(text == "true"), nil
	default:
		return nil, fault.ErrInvalid.About(field, "must be true or false")
	}
}

// moment reads a date, in UTC and moved on by days, or a date and time as it is.
func moment(field, text string, days int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, days), nil
	}
	// A "+" before the offset that was not escaped in the address arrives as a space.
	if n := len(text) - len("+00:00"); n > len(time.DateOnly) && text[n] == ' ' {
		text = text[:n] + "+" + text[n+1:]
	}
	at, err := domain.ParseTime(text)
	if err != nil {
		return time.Time{}, fault.ErrInvalid.About(field, "must be a date (2024-01-31) or a date and time (RFC 3339)")
	}
	return at, nil
}

func logsOf(page domain.AuditPage, at domain.Page) AuditLogs {
	logs := AuditLogs{
		Logs: make([]AuditLog, 0, len(page.Entries)), Total: page.Total, TotalEstimated: orAbsent(page.TotalEstimated),
		Page: at.Number, Limit: at.Limit, NextCursor: cursorOrNull(page.Next),
	}
	for _, e := range page.Entries {
		details := make(map[string]any, len(e.Details)+len(e.Personal)+1)
		maps.Copy(details, e.Details)
		maps.Copy(details, e.Personal)
		if e.Target != "" {
			details["target_id"] = e.Target
		}
		logs.Logs = append(logs.Logs, AuditLog{
			LogID: string(e.ID), Timestamp: httpserver.Seconds(e.Time), UserID: textOrNull(e.UserID),
			Action:    AuditAction(e.Action),
			IPAddress: textOrNull(e.IPAddress), UserAgent: textOrNull(e.UserAgent), Success: e.Success,
			RequestID: textOrNull(e.RequestID), Details: details,
		})
	}
	return logs
}

// exportTypes are the media types of the formats.
var exportTypes = map[audit.Format]string{
	audit.FormatCSV: "text/csv; charset=utf-8; header=present", audit.FormatNDJSON: "application/x-ndjson",
	audit.FormatJSON: "application/json",
}

func (a *api) exportLogs(r *httpserver.Request, in ExportRequest) error {
	format, err := audit.ParseFormat(string(in.Format))
	if err != nil {
		return err
	}
	dates, filters := or(in.DateRange), or(in.Filters)
	for name, text := range map[string]*string{
		"date_range.start": dates.Start, "date_range.end": dates.End,
		"filters.user_id": filters.UserID, "filters.ip_address": filters.IPAddress, "filters.request_id": filters.RequestID,
	} {
		if text != nil && *text == "" { // it would filter nothing
			return fault.ErrInvalid.About(name, "must not be empty")
		}
	}
	filter := auditFilter{
		userID: or(filters.UserID), start: or(dates.Start), end: or(dates.End), ip: or(filters.IPAddress),
		requestID: or(filters.RequestID), actions: or(filters.Actions),
	}
	query, err := filter.query(auditFields{
		start: "date_range.start", end: "date_range.end", action: "filters.actions",
		ip: "filters.ip_address",
	})
	if err != nil {
		return err
	}
	query.Success = filters.Success
	export, err := a.Audit.Export(r.Context(), r.Principal, audit.ExportRequest{
		Format: format, Query: query, BOM: or(in.BOM), Proof: in.Proof,
	})
	if err != nil {
		return err
	}
	return r.Stream(exportTypes[export.Format()], export.FileName(), export.WriteTo)
}

func (a *api) verifyLog(r *httpserver.Request, in VerifyAuditRequest) error {
	if in.Key != nil {
		if err := domain.Limits.AuditFilter.CheckBytes("key", *in.Key); err != nil {
			return err
		}
	}
	trust, err := audit.ParseTrust(or(in.Key), or(in.Checkpoints))
	if err != nil {
		return err
	}
	by := r.Principal
	return r.Long(func(ctx context.Context, lines *httpserver.Lines) (any, error) {
		report, err := a.Verifier.VerifyFor(ctx, by, trust, func(records int64) {
			lines.Progress(httpserver.Progress{Done: records, What: "records"})
		})
		return AuditReportOf(&report), err
	})
}

// AuditReportOf returns a report as the API shows it.
func AuditReportOf(r *audit.Report) AuditReport {
	report := AuditReport{
		Entries: r.Entries, Segments: r.Segments, First: r.First, Last: r.Last, Complete: r.Complete, Erased: r.Erased,
		Unsealed: r.Unsealed, Key: r.Key, Damage: nullable.Null[AuditDamage](),
	}
	if r.Key != "" {
		report.VerifierKey = orAbsent(auditformat.VerifierKey(r.Key))
	}
	if f := r.Finding; f != nil {
		report.Damage = nullable.Of(AuditDamage{
			Kind: AuditDamageKind(f.Damage), LogID: orAbsent(string(f.ID)), Reason: f.Reason, Sentence: f.Error(),
			Seq: orAbsent(f.Seq),
		})
	}
	return report
}

func (a *api) retainLog(r *httpserver.Request, in RetainAuditRequest) error {
	by := r.Principal
	return r.Long(func(ctx context.Context, lines *httpserver.Lines) (any, error) {
		cut, err := a.Audit.Retain(ctx, by, in.Before, entriesOf(lines))
		return AuditCut{Segment: cut.Segment, Last: cut.Last}, err
	})
}

// entriesOf sends the progress of an operation on entries of the audit log.
func entriesOf(lines *httpserver.Lines) ports.Progress {
	return func(done, total int64) {
		lines.Progress(httpserver.Progress{Done: done, Total: total, What: "entries"})
	}
}

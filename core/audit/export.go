package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

const (
	exportBuffer = 64 << 10
	// proofFor and proofAlways decide whether a filtered export includes the segments: as long as their digests are
	// not much larger than the entries themselves.
	proofFor    = 8
	proofAlways = 100_000
)

// ExportRequest holds the parameters of an export.
type ExportRequest struct {
	Format Format
	Query  domain.AuditQuery
	// BOM writes a byte order mark first, which some spreadsheets need to detect UTF-8.
	BOM bool
	// Proof includes the proof after the entries. nil means the format's default.
	Proof *bool
}

// proved reports whether the proof is included. By default CSV has none, since programs take every row for an entry.
func (r *ExportRequest) proved() bool {
	if r.Proof != nil {
		return *r.Proof
	}
	return r.Format != FormatCSV
}

// Export is a prepared export.
type Export struct {
	service *Service
	by      domain.Principal
	format  Format
	query   domain.AuditQuery
	bom     bool
	proved  bool
	last    int64 // the position up to which the log was sealed
	at      time.Time
}

// Export prepares an export. It requires audit.export and writes an audit entry before anything is read. It first
// seals everything written so far, so that every entry of the export can be proved.
func (s *Service) Export(ctx context.Context, by domain.Principal, request ExportRequest) (*Export, error) {
	if err := by.Require(domain.AuditExport); err != nil {
		return nil, err
	}
	format := request.Format
	query, err := checked(request.Query)
	if err != nil {
		return nil, err
	}
	query.Page = domain.Page{}
	if len(query.Actions) == 0 {
		query.Actions = nil
	}
	filters := filtersOf(query)
	options := []Option{Detail("operation", "export"), Detail("format", string(format))}
	if filters.IPAddress != "" { // it is personal data, and the rest is not
		options = append(options, Personal("ip_address", query.IPAddress))
		filters.IPAddress = ""
	}
	entry := s.deps.Writer.Entry(by, domain.ActionDataAccess, auditLog,
		append(options, Detail("filters", details(filters)))...)
	if err := s.deps.Writer.Write(ctx, entry); err != nil {
		return nil, err
	}
	if _, err := s.deps.Sequencer.Seal(ctx); err != nil {
		return nil, err
	}
	if err := s.deps.Proofs.RemoveCut(ctx, nil); err != nil { // entries that are half removed prove nothing
		return nil, err
	}
	last, err := s.deps.Sequencer.store.LastSegment(ctx)
	if err != nil {
		return nil, err
	}
	return &Export{
		service: s, by: by, format: format, query: query, bom: request.BOM, proved: request.proved(),
		last: last.Last(), at: s.deps.Clock.Now().UTC(),
	}, nil
}

// details converts a value to the form of an entry's details.
func details(value any) map[string]any {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil
	}
	return object
}

// FileName returns the file name, with the time of the export.
func (e *Export) FileName() string {
	return "audit-" + e.at.Format("20060102T150405Z") + "." + string(e.format)
}

// Format returns the format of the file.
func (e *Export) Format() Format { return e.format }

// isComplete reports whether the export has no filters.
func (e *Export) isComplete() bool { return reflect.DeepEqual(e.query, domain.AuditQuery{}) }

// WriteTo writes the export in constant memory: the entries in the order in which they were written, and, if the
// proof is included, the segments that seal them and a signed statement that describes the export. It ends when ctx
// is done or the writer fails.
func (e *Export) WriteTo(ctx context.Context, w io.Writer) error {
	out, err := newExportWriter(e, w)
	if err == nil {
		err = e.service.deps.Proofs.Records(ctx, 1, e.last, e.query, out.entry)
	}
	if err == nil && e.proved {
		err = e.writeProof(ctx, out)
	}
	if err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	return out.end()
}

// writeProof writes the proof of the entries. It is the same for all formats.
func (e *Export) writeProof(ctx context.Context, out *exportWriter) error {
	out.beginProof()
	if err := e.writeSegments(ctx, out); err != nil {
		return err
	}
	key, err := e.service.deps.Signer.load(ctx)
	if err != nil {
		return err
	}
	sum, err := out.sum()
	if err != nil {
		return err
	}
	about := statement{
		Format: e.format, At: e.at.Format(time.RFC3339Nano), By: safeText(e.by.Actor()), Filters: filtersOf(e.query),
		Complete: e.isComplete(), First: 1, Last: e.last, Entries: out.count, LastEntry: out.high, SHA256: sum,
	}
	text, err := about.sign(key)
	if err != nil {
		return err
	}
	return out.proof(text, true)
}

// writeSegments writes the segments that contain the entries, preceded by the checkpoint that retention has kept.
func (e *Export) writeSegments(ctx context.Context, out *exportWriter) error {
	from, until := out.low, out.high
	if e.isComplete() {
		from, until = 1, e.last
	} else if span := until - from + 1; out.count == 0 || span > proofAlways && span > proofFor*out.count {
		return nil
	}
	err := e.service.deps.Proofs.Segments(ctx, from, func(segment auditformat.Segment) error {
		if segment.First > until {
			return errEnough
		}
		return out.segment(&segment)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

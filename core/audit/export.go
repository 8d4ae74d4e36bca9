package audit

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	exportBuffer = 64 << 10
	// proofFor and proofAlways say when the segments go with a filtered export: while their digests are not much more than
	// the entries themselves.
	proofFor    = 8
	proofAlways = 100_000
)

// Export is one export, ready to be written.
type Export struct {
	service *Service
	by      domain.Principal
	format  Format
	query   domain.AuditQuery
	first   int64
	last    int64
	at      time.Time
}

// Export prepares an export. It takes audit.export, and leaves an entry of its own before anything is read. What was written
// up to now is sealed first, so that everything in the export can be proved.
func (s *Service) Export(ctx context.Context, by domain.Principal, format Format, query domain.AuditQuery) (*Export, error) {
	if err := by.Require(domain.AuditExport); err != nil {
		return nil, err
	}
	query, err := checked(query)
	if err != nil {
		return nil, err
	}
	query.Page = domain.Page{}
	if len(query.Actions) == 0 {
		query.Actions = nil
	}
	filters := filtersOf(query)
	options := []Option{Detail("operation", "export"), Detail("format", string(format))}
	if filters.IPAddress != "" { // it tells of a person, and the rest does not
		options = append(options, Personal("ip_address", filters.IPAddress))
		filters.IPAddress = ""
	}
	entry := s.journal.Entry(by, domain.ActionDataAccess, auditLog, append(options, Detail("filters", details(filters)))...)
	if err := s.journal.Write(ctx, entry); err != nil {
		return nil, err
	}
	if _, err := s.sequencer.Seal(ctx); err != nil {
		return nil, err
	}
	last, err := s.sequencer.store.LastSegment(ctx)
	if err != nil {
		return nil, err
	}
	return &Export{service: s, by: by, format: format, query: query, first: 1, last: last.Last(), at: s.clock.Now().UTC()}, nil
}

// details returns a value in the form that details of an entry have.
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

// FileName returns a name for the file, with the time of the export.
func (e *Export) FileName() string {
	return "audit-" + e.at.Format("20060102T150405Z") + "." + string(e.format)
}

// ContentType returns the media type of the file.
func (e *Export) ContentType() string { return e.format.ContentType() }

// isComplete reports whether nothing is filtered out.
func (e *Export) isComplete() bool { return reflect.DeepEqual(e.query, domain.AuditQuery{}) }

// WriteTo writes the export in constant memory: the entries in the order in which they were written, then the segments that
// seal them, then a signed statement of what the export is. It ends when ctx or the writer does.
func (e *Export) WriteTo(ctx context.Context, w io.Writer) error {
	out := &exportWriter{format: e.format, to: bufio.NewWriterSize(w, exportBuffer), low: math.MaxInt64, proofs: sha256.New()}
	out.begin()
	err := e.service.proofs.Records(ctx, e.first, e.last, e.query, func(r *domain.AuditRecord) error {
		return out.entry(r)
	})
	if err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	if err := e.writeProof(ctx, out); err != nil {
		return err
	}
	if err := e.writeStatement(ctx, out); err != nil {
		return err
	}
	out.end()
	return out.to.Flush()
}

// writeProof writes the segments that hold the entries, with the checkpoint before them.
func (e *Export) writeProof(ctx context.Context, out *exportWriter) error {
	out.beginProof()
	from, until := out.low, out.high
	if e.isComplete() {
		from, until = e.first, e.last
	} else if span := until - from + 1; out.count == 0 || span > proofAlways && span > proofFor*out.count {
		return nil
	}
	err := e.service.proofs.Segments(ctx, from, func(segment domain.AuditSegment) error {
		if segment.First > until {
			return errEnough
		}
		return out.proof(proofLine{Segment: textOf(segment)})
	})
	if err := unless(err, errEnough); err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	return nil
}

func (e *Export) writeStatement(ctx context.Context, out *exportWriter) error {
	key, err := e.service.signer.load(ctx)
	if err != nil {
		return err
	}
	statement := statementText{
		Format: e.format, At: e.at.Format(time.RFC3339Nano), By: e.by.Actor(), Filters: filtersOf(e.query),
		Complete: e.isComplete(), First: e.first, Last: e.last, Entries: out.count, LastEntry: out.previous,
		Digest: out.digest(), Key: keyID(key),
	}
	text, err := statement.text()
	if err != nil {
		return err
	}
	statement.Signature = base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, text))
	return out.proof(proofLine{Export: &statement})
}

package audit_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

func TestExportIncludesProofByFormatDefaultOrOnRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 12)
	yes, no := true, false
	for _, format := range formats {
		for name, proof := range map[string]*bool{"default": nil, "true": &yes, "false": &no} {
			raw := b.exportAs(t, audit.ExportRequest{Format: format, Proof: proof, Query: domain.AuditQuery{UserID: "usr_1"}})
			want := format != audit.FormatCSV
			if proof != nil {
				want = *proof
			}
			if got := bytes.Contains(raw, []byte("signature")); got != want {
				t.Errorf("%s, proof %s: the file has its proof: %t, want %t", format, name, got, want)
			}
			f := verifyFile(t, raw, audit.Trust{}).Finding
			if want && f != nil {
				t.Errorf("%s, proof %s: %v", format, name, f)
			}
			if !want && (f == nil || f.Damage != audit.DamageUnproved) {
				t.Errorf("%s, proof %s: the finding is %v, want %s", format, name, f, audit.DamageUnproved)
			}
		}
	}
}

func TestExportWithoutProofContainsOnlyEntries(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 12)
	no := false
	query := domain.AuditQuery{UserID: "usr_1"}

	rows, err := csv.NewReader(bytes.NewReader(b.exportAs(t,
		audit.ExportRequest{Format: audit.FormatCSV, Query: query}))).ReadAll()
	if err != nil || len(rows) != 5 {
		t.Fatalf("CSV: %d rows (%v), want the header and 4 entries", len(rows), err)
	}
	for _, row := range rows[1:] {
		if row[2] != "usr_1" {
			t.Errorf("CSV: the row %q is no entry", row)
		}
	}
	lines := bytes.Split(bytes.TrimSpace(b.exportAs(t,
		audit.ExportRequest{Format: audit.FormatNDJSON, Query: query, Proof: &no})), []byte("\n"))
	if len(lines) != 4 {
		t.Errorf("NDJSON: %d lines, want 4 entries", len(lines))
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(b.exportAs(t, audit.ExportRequest{Format: audit.FormatJSON, Query: query, Proof: &no}),
		&whole); err != nil || len(whole) != 1 {
		t.Errorf("JSON: %d members (%v), want logs alone", len(whole), err)
	}
}

func TestCSVProofIsInCommentLinesWithoutFormulas(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 3)
	hostile := `x",=1;=1` + "\t=1\n=1"
	raw := b.export(t, audit.FormatCSV, domain.AuditQuery{RequestID: hostile})
	if f := verifyFile(t, raw, audit.Trust{}).Finding; f != nil {
		t.Errorf("the export does not verify: %v", f)
	}
	for line := range strings.Lines(string(raw)) {
		if strings.Contains(line, "signature") && !strings.HasPrefix(line, "# {") {
			t.Errorf("a line of proof is no comment: %q", line)
		}
		if strings.Contains(line, ",=") || strings.Contains(line, ";=") || strings.Contains(line, "\t=") ||
			strings.HasPrefix(line, "=") {
			t.Errorf("a cell may run in %q", line)
		}
	}
	whole := b.export(t, audit.FormatCSV, domain.AuditQuery{})
	reader := csv.NewReader(bytes.NewReader(whole))
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	if err != nil || len(rows) != 1+5 {
		t.Errorf("a reader that leaves comments out has %d rows (%v), want the header, 3 entries and those of 2 exports",
			len(rows), err)
	}
}

func TestByteOrderMarkIsWrittenOnRequestAndSkippedByVerification(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 3)
	yes := true
	for _, format := range formats {
		plain := b.exportAs(t, audit.ExportRequest{Format: format, Proof: &yes})
		marked := b.exportAs(t, audit.ExportRequest{Format: format, Proof: &yes, BOM: true})
		if bytes.HasPrefix(plain, []byte("\ufeff")) || !bytes.HasPrefix(marked, []byte("\ufeff")) {
			t.Errorf("%s: the exports begin with %q and %q", format, plain[:3], marked[:3])
		}
		if f := verifyFile(t, marked, audit.Trust{}).Finding; f != nil {
			t.Errorf("%s: %v", format, f)
		}
	}
}

func TestLineAddedToJSONFrameIsReported(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 3)
	raw := b.export(t, audit.FormatJSON, domain.AuditQuery{})
	const list = "],\"proof\":[\n"
	for name, edited := range map[string][]byte{
		"the list of proof opened twice": bytes.Replace(raw, []byte(list), []byte(list+list), 1),
		"the file closed twice":          append(bytes.Clone(raw), "]}\n"...),
		"the file closed in the middle":  bytes.Replace(raw, []byte(list), []byte("]}\n"+list), 1),
	} {
		if f := verifyFile(t, edited, audit.Trust{}).Finding; f == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestExportWithoutItsFirstOrLastLineIsNotWhole(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 3)
	query := domain.AuditQuery{UserID: "usr_1"}
	_, headless, _ := bytes.Cut(b.export(t, audit.FormatCSV, query), []byte("\r\n"))
	for name, edited := range map[string][]byte{
		"CSV without its header, so that the first entry is read as one": headless,
		"JSON without its closing line": bytes.TrimSuffix(b.export(t, audit.FormatJSON,
			query), []byte("]}\n")),
	} {
		if f := verifyFile(t, edited, audit.Trust{}).Finding; f == nil || f.Damage != audit.DamageProof {
			t.Errorf("%s: the finding is %v, want %s", name, f, audit.DamageProof)
		}
	}
}

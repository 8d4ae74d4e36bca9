package e2e_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// TestTheExportIsWholeInEachFormat fills the log and exports it: every entry that matches is in the file once, and the
// file proves itself.
func TestTheExportIsWholeInEachFormat(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	const rows = 1500
	for i := range rows {
		by := kit.From("192.0.2.1")
		must(t, in.AuditWriter.Write(t.Context(), in.AuditWriter.Entry(by, domain.ActionLoginFailed, fmt.Sprintf("usr_%d", i),
			audit.Failed("bad_credentials"))))
	}
	for format, kind := range map[string]string{
		"csv":  "text/csv; charset=utf-8",
		"json": "application/json; charset=utf-8", "ndjson": "application/x-ndjson; charset=utf-8",
	} {
		body := fmt.Sprintf(
			`{"format":%q,"proof":true,"bom":%t,"date_range":{"start":"2026-03-02","end":"2026-03-02"},"filters":{"actions":["login_failed"]}}`, format, format == "csv")
		r := in.call(t, in.admin, http.MethodPost, "/audit/export", body)
		if r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Content-Type"), strings.Split(kind, ";")[0]) {
			t.Fatalf("%s: %d %v", format, r.status, r.header)
		}
		if name := r.header.Get("Content-Disposition"); !strings.HasPrefix(name, "attachment; filename=") ||
			!strings.Contains(name, "."+format) {
			t.Errorf("%s: %q", format, name)
		}
		if strings.HasPrefix(r.body, "\ufeff") != (format == "csv") {
			t.Errorf("%s begins with %q", format, r.body[:3])
		}
		if n := strings.Count(r.body, "login_failed"); n < rows {
			t.Errorf("%s: %d of %d entries", format, n, rows)
		}
		report, err := audit.VerifyFile(strings.NewReader(r.body), int64(len(r.body)), audit.Trust{})
		if err != nil || report.Finding != nil {
			t.Errorf("%s does not prove itself: %v %v", format, err, report.Finding)
		}
	}
	if n := len(in.Logged(t, domain.ActionDataAccess)); n < 3 {
		t.Errorf("%d entries tell of three exports", n)
	}
}

// TestExportOfCSVHasEntriesAloneUnlessTheProofIsAskedFor exports without options: every line is an entry.
func TestExportOfCSVHasEntriesAloneUnlessTheProofIsAskedFor(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	for body, proved := range map[string]bool{
		`{"format":"csv"}`: false, `{"format":"csv","proof":true}`: true, `{"format":"json"}`: true,
		`{"format":"json","proof":false}`: false,
		`{"format":"ndjson"}`:             true, `{"format":"ndjson","proof":false,"bom":false}`: false,
	} {
		r := in.call(t, in.admin, http.MethodPost, "/audit/export", body)
		if strings.HasPrefix(r.body, "\ufeff") {
			t.Errorf("%s: the file has a byte order mark", body)
		}
		report, err := audit.VerifyFile(strings.NewReader(r.body), int64(len(r.body)), audit.Trust{})
		must(t, err)
		if f := report.Finding; proved && f != nil || !proved && (f == nil || f.Damage != audit.DamageUnproved) {
			t.Errorf("%s: the finding is %v, want a proof: %t", body, f, proved)
		}
	}
}

// TestExportCellsAreNotFormulas signs in under names that a spreadsheet would run.
func TestExportCellsAreNotFormulas(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	for _, name := range []string{"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)"} {
		header := http.Header{"User-Agent": {name}}
		in.do(t, http.MethodPost, "/api/v1/security/auth/login", fmt.Sprintf(`{"username":%q,"password":"x"}`, name), header)
	}
	r := in.call(t, in.admin, http.MethodPost, "/audit/export", `{"format":"csv"}`)
	reader := csv.NewReader(strings.NewReader(r.body))
	reader.FieldsPerRecord = -1
	cells, err := reader.ReadAll()
	must(t, err)
	for _, row := range cells {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
	}
}

// TestExportRefusesAnEmptyFilter holds the export to what the list does: an empty value is none, and would export
// everything.
func TestExportRefusesAnEmptyFilter(t *testing.T) {
	t.Parallel()
	in := install(t, kit.Options{})
	for field, body := range map[string]string{
		"date_range.start": `"date_range":{"start":""}`, "date_range.end": `"date_range":{"end":""}`,
		"filters.user_id":    `"filters":{"user_id":""}`,
		"filters.ip_address": `"filters":{"ip_address":""}`, "filters.request_id": `"filters":{"request_id":""}`,
	} {
		r := in.call(t, in.admin, http.MethodPost, "/audit/export", `{"format":"csv",`+body+`}`)
		if r.status != http.StatusBadRequest || !strings.Contains(r.body,
			`"field":"`+field+`","reason":"must not be empty"`) {
			t.Errorf("%s: %d %.200s", body, r.status, r.body)
		}
	}
}

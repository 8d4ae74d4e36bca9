package audit_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

var firstPage = domain.Page{Number: 1, Limit: 20}

func TestListRequiresAuditReadExceptForOwnEntries(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	auditor := b.User(t, "ann", "auditor")
	by := b.As(t, user)
	if err := b.AuditWriter.Write(t.Context(), b.AuditWriter.Entry(by, domain.ActionLogin, string(user.ID))); err != nil {
		t.Fatal(err)
	}
	byKey := by
	byKey.Kind = domain.PrincipalAPIKey
	tests := map[string]struct {
		by    domain.Principal
		query domain.AuditQuery
		want  error
	}{
		"a user, everything":           {by, domain.AuditQuery{}, fault.ErrForbidden},
		"a user, another user's":       {by, domain.AuditQuery{UserID: string(auditor.ID)}, fault.ErrForbidden},
		"a user, their own":            {by, domain.AuditQuery{UserID: string(user.ID)}, nil},
		"a user's key, the user's own": {byKey, domain.AuditQuery{UserID: string(user.ID)}, fault.ErrForbidden},
		"an auditor, everything":       {b.As(t, auditor), domain.AuditQuery{}, nil},
		"nobody":                       {domain.Principal{}, domain.AuditQuery{}, fault.ErrUnauthorized},
		"an action that is none": {
			b.As(t, auditor),
			domain.AuditQuery{Actions: []domain.Action{"x"}},
			fault.ErrInvalid,
		},
		"an address that is none": {b.As(t, auditor), domain.AuditQuery{IPAddress: "1.2.3"}, fault.ErrInvalid},
		"a range that ends before it is": {
			b.As(t, auditor),
			domain.AuditQuery{From: kit.Noon, Until: kit.Noon},
			fault.ErrInvalid,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.query.Page = firstPage
			if _, err := b.service.List(t.Context(), tc.by, tc.query); !errors.Is(err, tc.want) {
				t.Errorf("got error %v, want %v", err, tc.want)
			}
		})
	}
}

func TestReadsAndExportsAreAuditedOnceAMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	by := b.As(t, b.User(t, "ann", "auditor"))
	for range 5 {
		if _, err := b.service.List(t.Context(), by, domain.AuditQuery{Page: firstPage}); err != nil {
			t.Fatal(err)
		}
	}
	b.Clock.Forward(time.Minute)
	if _, err := b.service.List(t.Context(), by, domain.AuditQuery{Page: firstPage}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.Export(t.Context(), by, audit.ExportRequest{Format: audit.FormatJSON}); err != nil {
		t.Fatal(err)
	}
	entries := b.Entries(t)
	if want := []domain.Action{"data_access", "data_access", "data_access"}; !slices.Equal(kit.Actions(entries), want) {
		t.Errorf("the log has %v, want %v", kit.Actions(entries), want)
	}
	if entries[2].Details["operation"] != "export" {
		t.Errorf("the export's entry says %v", entries[2].Details)
	}
	plain := b.As(t, b.User(t, "john", domain.RoleUser))
	if _, err := b.service.Export(t.Context(), plain, audit.ExportRequest{Format: audit.FormatJSON}); !errors.Is(err,
		fault.ErrForbidden) {
		t.Errorf("a user's export: got error %v, want %v", err, fault.ErrForbidden)
	}
}

// lossyAuditLog fails to append while fails is set.
type lossyAuditLog struct {
	ports.AuditLog
	fails bool
}

func (l *lossyAuditLog) Append(ctx context.Context, entries ...domain.AuditEntry) error {
	if l.fails {
		return fault.ErrStorage
	}
	return l.AuditLog.Append(ctx, entries...)
}

func TestReadIsAuditedAfterAFailedWrite(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	auditLog := &lossyAuditLog{AuditLog: k.Store.Audit(), fails: true}
	access := audit.NewAccess(audit.NewWriter(k.IDs, k.Clock, auditLog), k.Clock)
	by := k.As(t, k.User(t, "ann", "auditor"))
	if err := access.Read(t.Context(), by, "usr_x"); !errors.Is(err, fault.ErrStorage) {
		t.Fatalf("got error %v, want %v", err, fault.ErrStorage)
	}
	auditLog.fails = false
	if err := access.Read(t.Context(), by, "usr_x"); err != nil {
		t.Fatal(err)
	}
	if n := len(k.Entries(t)); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

func TestManyRefusalsAreCountedInFewEntries(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	by := b.As(t, b.User(t, "john", domain.RoleUser))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1250 {
				if err := b.access.Denied(t.Context(), by, "GET /audit/logs"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := b.access.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if n := len(b.Entries(t)); n != 1 {
		t.Fatalf("the first minute has %d entries, want 1", n)
	}
	b.Clock.Forward(time.Minute)
	if err := b.access.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	entries := b.Entries(t)
	if len(entries) != 2 || entries[1].Details["more"] != 9999.0 || entries[1].UserID != string(by.UserID) {
		t.Errorf("the log has %d entries, the last with %v", len(entries), entries[len(entries)-1].Details)
	}
}

func TestCSVExportCellsAreNotFormulas(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	hostile := []string{
		"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x00=1", "'quoted", " =1", "＝1",
		`say "hi", you`, "plain",
	}
	for _, agent := range hostile {
		by := domain.Principal{Kind: domain.PrincipalUser, UserID: "usr_a", Origin: domain.Origin{UserAgent: agent}}
		if err := b.AuditWriter.Write(t.Context(), b.AuditWriter.Entry(by, domain.ActionLogin, agent)); err != nil {
			t.Fatal(err)
		}
	}
	raw := b.export(t, audit.FormatCSV, domain.AuditQuery{UserID: "usr_a"})
	if f := verifyFile(t, raw, audit.Trust{}).Finding; f != nil {
		t.Fatalf("the export does not verify: %v", f)
	}
	reader := csv.NewReader(bytes.NewReader(raw))
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, agent := range hostile {
		cell := rows[i+1][6]
		if strings.ContainsAny(cell[:1], "=+-@\t\r\n\x00 ") || strings.HasPrefix(cell, "＝") {
			t.Errorf("the cell %q may run as a formula", cell)
		}
		// encoding/csv reads a carriage return in front of a line feed as one line feed.
		inside := strings.NewReplacer("\t'", "\t", "\n'", "\n", "\r'", "\r")
		if got := inside.Replace(strings.TrimPrefix(cell, "'")); got != agent && !strings.Contains(agent, "\r") {
			t.Errorf("the cell has the value %q, want %q", got, agent)
		}
	}
}

func TestExportKeepsEntryOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 12)
	want := []string{}
	for _, e := range b.Entries(t) {
		if e.UserID == "usr_1" {
			want = append(want, string(e.ID))
		}
	}
	var whole struct {
		Logs []struct {
			ID        string            `json:"log_id"`
			IPAddress string            `json:"ip_address"`
			Details   map[string]string `json:"details"`
		} `json:"logs"`
	}
	if err := json.Unmarshal(b.export(t, audit.FormatJSON, domain.AuditQuery{UserID: "usr_1"}), &whole); err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, l := range whole.Logs {
		got = append(got, l.ID)
		if l.IPAddress != "192.0.2.7" || l.Details["method"] != "password" {
			t.Errorf("an entry has %+v", l)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the entries differ (-want +got):\n%s", diff)
	}
	empty := b.export(t, audit.FormatJSON, domain.AuditQuery{UserID: "usr_9"})
	if !json.Valid(empty) {
		t.Errorf("an export of nothing is no JSON: %s", empty)
	}
	if f := verifyFile(t, empty, audit.Trust{}).Finding; f != nil {
		t.Errorf("an export of nothing: %v", f)
	}
	ranged := b.export(t, audit.FormatNDJSON, domain.AuditQuery{
		From:  kit.Noon.Add(3 * time.Second),
		Until: kit.Noon.Add(6 * time.Second),
	})
	if r := verifyFile(t, ranged, audit.Trust{}); r.Finding != nil || r.Entries != 3 {
		t.Errorf("an export of three seconds has %d entries, finding %v", r.Entries, r.Finding)
	}
}

func TestTwoSequencersWriteOneChain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := on(b.Kit)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for _, s := range []*audit.Sequencer{b.sequencer, other.sequencer} {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := s.Seal(t.Context()); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range 200 {
		if err := b.AuditWriter.Write(t.Context(), b.AuditWriter.Entry(domain.System(), domain.ActionImport,
			"x")); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	b.seal(t)
	if r := b.verifyStore(t, audit.Trust{}); r.Finding != nil || r.Entries != 200 {
		t.Errorf("%d entries verify, finding %v", r.Entries, r.Finding)
	}
}

func TestLineBreaksInValuesDoNotForgeLines(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const forged = "x\r\nlog_1,2024-01-01T00:00:00Z,usr_root,login,true\x1b[2J\u202etxt"
	by := domain.Principal{
		Kind: domain.PrincipalUser, UserID: "usr_a",
		Origin: domain.Origin{UserAgent: forged, RequestID: forged},
	}
	if err := b.AuditWriter.Write(t.Context(), b.AuditWriter.Entry(by, domain.ActionLogin, "usr_a",
		audit.Detail("name", forged))); err != nil {
		t.Fatal(err)
	}
	nd := b.export(t, audit.FormatNDJSON, domain.AuditQuery{UserID: "usr_a"})
	for line := range bytes.Lines(nd) {
		if !json.Valid(line) {
			t.Errorf("a line is no JSON: %q", line)
		}
		if bytes.ContainsAny(bytes.TrimSuffix(line, []byte("\n")), "\r\n\x1b") {
			t.Errorf("a line contains a control character: %q", line)
		}
	}
	rows, err := csv.NewReader(bytes.NewReader(b.exportAs(t,
		audit.ExportRequest{Format: audit.FormatCSV, Query: domain.AuditQuery{UserID: "usr_a"}}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		if len(row) != 16 || row[0] == "log_1" {
			t.Errorf("a row was forged: %q", row)
		}
	}
}

func TestExportRunsInConstantMemory(t *testing.T) { //nolint:paralleltest // it measures the memory of the process
	b := newBench(t)
	const entries = 12_000
	for done := 0; done < entries; done += 4000 {
		batch := make([]domain.AuditEntry, 4000)
		for i := range batch {
			batch[i] = b.AuditWriter.Entry(domain.System(), domain.ActionImport, strings.Repeat("x", 500))
		}
		if err := b.Store.Audit().Append(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range formats {
		export, err := b.service.Export(t.Context(), domain.Operator(), audit.ExportRequest{Format: format})
		if err != nil {
			t.Fatal(err)
		}
		w := &heapWatcher{}
		w.look()
		before := w.most
		if err := export.WriteTo(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		// The entries are more than 7 MB; what is live at any moment is a chunk of them.
		if grown := int64(w.most) - int64(before); w.written < entries*600 || grown > 4<<20 {
			t.Errorf("%s: %d MB written, the live heap grew by %d MB", format, w.written>>20, grown>>20)
		}
	}
}

// heapWatcher discards what is written and samples the size of the live heap.
type heapWatcher struct {
	written, looks int
	most           uint64
}

func (w *heapWatcher) Write(p []byte) (int, error) {
	w.written += len(p)
	if w.written>>20 > w.looks {
		w.looks++
		w.look()
	}
	return len(p), nil
}

func (w *heapWatcher) look() {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	w.most = max(w.most, stats.HeapAlloc)
}

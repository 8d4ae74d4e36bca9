package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

var formats = []audit.Format{audit.FormatCSV, audit.FormatJSON, audit.FormatNDJSON}

func TestIntactLogVerifies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 35)
	report := b.verifyStore(t, audit.Trust{Checkpoints: b.published.list})
	if report.Finding != nil || report.Entries != 35 || report.Segments != 4 || !report.Complete {
		t.Fatalf("the report is %+v, finding %v", report, report.Finding)
	}
	for _, format := range formats {
		report := verifyFile(t, b.export(t, format, domain.AuditQuery{}),
			audit.Trust{Key: report.Key, Checkpoints: b.published.list[:1]})
		if report.Finding != nil || report.Entries < 36 || !report.Complete {
			t.Errorf("%s: the report is %+v, finding %v", format, report, report.Finding)
		}
		filtered := verifyFile(t, b.export(t, format, domain.AuditQuery{UserID: "usr_1"}), audit.Trust{})
		if filtered.Finding != nil || filtered.Entries != 12 || filtered.Complete {
			t.Errorf("%s, filtered: the report is %+v, finding %v", format, filtered, filtered.Finding)
		}
	}
}

func TestStoreDamageIsLocated(t *testing.T) {
	t.Parallel()
	const swap = `UPDATE audit_entries SET public = CASE seq WHEN 12 THEN (SELECT public FROM audit_entries WHERE seq = 14)
		ELSE (SELECT public FROM audit_entries WHERE seq = 12) END WHERE seq IN (12, 14)`
	tests := map[string]struct {
		statements []string
		want       audit.Damage
		seq        int64
	}{
		"a changed entry": {[]string{"UPDATE audit_entries SET public = replace(public, 'login', " +
			"'logout') WHERE seq = 12"}, audit.DamageChanged, 12},
		"a changed address": {
			[]string{"UPDATE audit_entries SET ip = '192.0.2.8' WHERE seq = 12"},
			audit.DamageChanged, 12,
		},
		"a changed user agent": {
			[]string{"UPDATE audit_entries SET user_agent = 'x' WHERE seq = 12"},
			audit.DamageChanged, 12,
		},
		"changed personal details": {
			[]string{`UPDATE audit_entries SET personal = '{"username":"x"}' WHERE seq = 12`},
			audit.DamageChanged, 12,
		},
		"a removed entry": {
			[]string{"DELETE FROM audit_entries WHERE seq = 12"},
			audit.DamageRemoved,
			12,
		},
		"the last entry of a segment removed": {
			[]string{"DELETE FROM audit_entries WHERE seq = 20"},
			audit.DamageRemoved,
			20,
		},
		"two entries in each other's place": {[]string{swap}, audit.DamageMoved, 12},
		"an entry added in front": {[]string{
			`INSERT INTO audit_entries (seq, at, kind, user_id, ip, request_id, target, user_agent, public)
			SELECT 0, at, kind, user_id, ip, request_id, target, user_agent, public FROM audit_entries WHERE seq = 12`,
		}, audit.DamageAdded, 0},
		"a segment removed with its entries": {
			[]string{"DELETE FROM audit_segments WHERE number = 2", "DELETE FROM audit_entries WHERE seq BETWEEN 11 AND 20"},
			audit.DamageProof, 21,
		},
		"a changed leaf": {
			[]string{"UPDATE audit_segments SET leaves = zeroblob(320) WHERE number = 2"},
			audit.DamageProof, 11,
		},
		"a root without its digests": {
			[]string{"UPDATE audit_segments SET root = zeroblob(32) WHERE number = 2"},
			audit.DamageProof, 11,
		},
		"the newest part cut off": {[]string{
			"DELETE FROM audit_segments WHERE number > 2",
			"DELETE FROM audit_entries WHERE seq > 20",
		}, audit.DamageRemoved, 21},
		"digests taken out of a link": {
			[]string{"UPDATE audit_segments SET leaves = NULL WHERE number = 2"},
			audit.DamageProof, 11,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.write(t, 35)
			b.tamper(t, tc.statements...)
			report := b.verifyStore(t, audit.Trust{Checkpoints: b.published.list})
			if f := report.Finding; f == nil || f.Damage != tc.want || f.Seq != tc.seq {
				t.Errorf("the finding is %v, want %s at %d", f, tc.want, tc.seq)
			}
		})
	}
}

func TestRemovingAnUnsealedEntryLeavesAGap(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 10)
	for range 5 {
		if err := b.AuditWriter.Write(t.Context(), b.AuditWriter.Entry(domain.System(), domain.ActionImport,
			"x")); err != nil {
			t.Fatal(err)
		}
	}
	b.tamper(t, "DELETE FROM audit_entries WHERE seq = 13")
	b.seal(t)
	if f := b.verifyStore(t, audit.Trust{}).Finding; f == nil || f.Damage != audit.DamageRemoved || f.Seq != 13 {
		t.Errorf("the finding is %v, want removed at 13", f)
	}
}

// Before an entry is sealed, only its mark proves that the service wrote it.
func TestChangedUnsealedEntryIsSealedAsDisputed(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"a changed text": "UPDATE audit_entries SET public = replace(public, 'import', 'logout') WHERE seq = 13",
		"a mark removed with a change": `UPDATE audit_entries SET public = replace(public, 'import', 'logout'), mark = NULL
			WHERE seq = 13`,
		"the mark of another entry": "UPDATE audit_entries SET mark = (SELECT mark FROM audit_entries WHERE seq = 12) " +
			"WHERE seq = 13",
		"a mark cut short to nothing": "UPDATE audit_entries SET mark = x'' WHERE seq = 13",
		"an entry replaced by another": `UPDATE audit_entries SET public = (SELECT replace(public, 'log_', 'log_x')
			FROM audit_entries WHERE seq = 2), mark = (SELECT mark FROM audit_entries WHERE seq = 2) WHERE seq = 13`,
	}
	for name, statement := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.write(t, 10)
			for range 5 {
				if err := b.AuditWriter.Write(t.Context(), b.AuditWriter.Entry(domain.System(), domain.ActionImport,
					"x")); err != nil {
					t.Fatal(err)
				}
			}
			b.tamper(t, statement)
			isNamed := func(when string, f *audit.Finding) {
				t.Helper()
				if f == nil || f.Damage != audit.DamageChanged || f.Seq != 13 {
					t.Errorf("%s the finding is %v, want changed at 13", when, f)
				}
			}
			isNamed("before the seal", b.verifyStore(t, audit.Trust{}).Finding)
			if n, err := b.sequencer.Seal(t.Context()); n != 5 || !errors.Is(err, audit.ErrForged) {
				t.Errorf("Seal() = %d, %v; want all five sealed, and ErrForged", n, err)
			}
			isNamed("after the seal", b.verifyStore(t, audit.Trust{}).Finding)
			isNamed("in an export", verifyFile(t, b.export(t, audit.FormatNDJSON, domain.AuditQuery{}), audit.Trust{}).Finding)
		})
	}
}

// Filter values are not sealed themselves. Changing one hides an entry from a filtered list, and verification reports
// it.
func TestEntryWithChangedFilterValuesIsReported(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"another user":    "UPDATE audit_entries SET user_id = 'usr_9' WHERE seq = 12",
		"another time":    "UPDATE audit_entries SET at = at + 1 WHERE seq = 12",
		"another request": "UPDATE audit_entries SET request_id = 'req-x' WHERE seq = 12",
		"another target":  "UPDATE audit_entries SET target = 'usr_9' WHERE seq = 12",
		"an unknown kind": "UPDATE audit_entries SET kind = 99 WHERE seq = 12",
		"a changed kind": "UPDATE audit_kinds SET action = 'logout' WHERE kind = (SELECT kind FROM audit_entries WHERE " +
			"seq = 12)",
		"a failure hidden": "UPDATE audit_kinds SET success = 1 - success WHERE kind = (SELECT kind FROM audit_entries " +
			"WHERE seq = 12)",
	}
	for name, statement := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.write(t, 25)
			b.tamper(t, statement)
			f := b.verifyStore(t, audit.Trust{}).Finding
			if f == nil || f.Damage != audit.DamageIndex || f.Seq > 12 {
				t.Errorf("the finding is %v, want misfiled", f)
			}
		})
	}
}

func TestOneChangedByteOfAnExportIsLocated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 1)
	for _, format := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			raw := b.export(t, format, domain.AuditQuery{})
			step := 1
			if format != audit.FormatNDJSON {
				step = 5 // the two others are read alike; not every byte of them again
			}
			for at := 0; at < len(raw); at += step {
				altered := bytes.Clone(raw)
				altered[at] ^= 1
				f := verifyFile(t, altered, audit.Trust{}).Finding
				if f == nil {
					t.Fatalf("byte %d altered from %q: not found", at, around(raw, at))
				}
				if line := int64(bytes.Count(raw[:at], []byte("\n")) + 1); f.Damage == audit.DamageChanged && f.Line != line &&
					f.Line != line+1 {
					t.Errorf("byte %d altered from %q: reported in line %d, want %d (%s)", at, around(raw, at), f.Line, line, f)
				}
			}
		})
	}
}

func around(raw []byte, at int) string { return string(raw[max(0, at-10):min(len(raw), at+10)]) }

// lineOf returns the index of the line that contains the entry at the position.
func lineOf(t *testing.T, lines [][]byte, format audit.Format, seq int) int {
	t.Helper()
	needle := regexp.MustCompile(fmt.Sprintf(`"seq":%d,`, seq))
	if format == audit.FormatCSV {
		needle = regexp.MustCompile(fmt.Sprintf(`,%d,(%d,)?'?[\w-]{43},`, seq, seq-1)) // earlier versions had one column more
	}
	for i, line := range lines {
		if needle.Match(line) {
			return i
		}
	}
	t.Fatalf("no line for place %d", seq)
	return 0
}

func TestRemovedAddedAndMovedExportLinesAreReported(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 25)
	tests := map[string]struct {
		edit func(lines [][]byte, at func(int) int) [][]byte
		want audit.Damage
		seq  int64
	}{
		"a line removed":         {without(7), audit.DamageRemoved, 7},
		"the first line removed": {without(1), audit.DamageRemoved, 1},
		"two lines swapped": {func(l [][]byte, at func(int) int) [][]byte {
			seven, nine := at(7), at(9)
			l[seven], l[nine] = l[nine], l[seven]
			return l
		}, audit.DamageMoved, 7},
		"a line moved to the end": {func(l [][]byte, at func(int) int) [][]byte {
			seven, last := at(7), at(25)
			moved := l[seven]
			copy(l[seven:last], l[seven+1:last+1])
			l[last] = moved
			return l
		}, audit.DamageMoved, 7},
		"a line doubled": {func(l [][]byte, at func(int) int) [][]byte {
			return slices.Insert(l, at(7), l[at(7)])
		}, audit.DamageAdded, 7},
	}
	for name, tc := range tests {
		for _, format := range formats {
			t.Run(name+" in "+string(format), func(t *testing.T) {
				t.Parallel()
				lines := bytes.SplitAfter(b.export(t, format, domain.AuditQuery{}), []byte("\n"))
				edited := tc.edit(lines, func(seq int) int { return lineOf(t, lines, format, seq) })
				f := verifyFile(t, bytes.Join(edited, nil), audit.Trust{}).Finding
				if f == nil || f.Damage != tc.want || f.Seq != tc.seq {
					t.Errorf("the finding is %v, want %s at %d", f, tc.want, tc.seq)
				}
			})
		}
	}
}

func without(seq int) func([][]byte, func(int) int) [][]byte {
	return func(l [][]byte, at func(int) int) [][]byte { return slices.Delete(l, at(seq), at(seq)+1) }
}

func TestLogVerifiesAfterPurge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 25)
	if err := b.Store.Audit().ErasePerson(t.Context(), "usr_1", nil); err != nil {
		t.Fatal(err)
	}
	report := b.verifyStore(t, audit.Trust{Checkpoints: b.published.list})
	if report.Finding != nil || report.Erased != 8 {
		t.Fatalf("the report is %+v, finding %v", report, report.Finding)
	}
	raw := b.export(t, audit.FormatNDJSON, domain.AuditQuery{UserID: "usr_1"})
	if bytes.Contains(raw, []byte("Mozilla")) || bytes.Contains(raw, []byte("cmd|")) ||
		bytes.Contains(raw, []byte("192.0.2.7")) {
		t.Error("the person's data is still in an export")
	}
	if f := verifyFile(t, raw, audit.Trust{}).Finding; f != nil {
		t.Errorf("the export after the purge: %v", f)
	}
}

func TestRetentionRemovesWholeSegmentsAndKeepsCheckpoint(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 35)
	cutAt := b.published.list[2].SealedAt // up to segment 2
	b.Clock.Forward(48 * time.Hour)
	cut, err := b.service.Retain(t.Context(), domain.Operator(), cutAt, nil)
	if err != nil || cut.Segment != 2 || cut.Last != 20 {
		t.Fatalf("Retain() = %+v, %v", cut, err)
	}
	b.seal(t)
	report := b.verifyStore(t, audit.Trust{Checkpoints: b.published.list})
	if report.Finding != nil || report.First != 21 || report.Entries != 16 {
		t.Fatalf("the report is %+v, finding %v", report, report.Finding)
	}
	for _, format := range formats {
		if r := verifyFile(t, b.export(t, format, domain.AuditQuery{}), audit.Trust{}); r.Finding != nil || r.First != 21 {
			t.Errorf("%s: the report is %+v, finding %v", format, r, r.Finding)
		}
	}
	entries := b.Entries(t)
	if entries[0].Time.Before(b.published.list[1].SealedAt) {
		t.Error("entries before the cut are still there")
	}
	page, err := b.service.List(t.Context(), domain.Operator(), domain.AuditQuery{Page: domain.Page{Number: 1, Limit: 5}})
	if err != nil || page.Total != int64(len(entries)) {
		t.Errorf("the list counts %d entries, %d are there (%v)", page.Total, len(entries), err)
	}
	if again, err := b.service.Retain(t.Context(), domain.Operator(), cutAt, nil); err != nil || again.Segment != 0 {
		t.Errorf("the same cut again: %+v, %v", again, err)
	}
}

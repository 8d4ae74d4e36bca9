package audit_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/adapters/checkpointlog"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

// copyEntry returns the statement that appends a copy of an entry with its mark, as an attacker with the database
// file can.
func copyEntry(seq int) string {
	const columns = "at, kind, user_id, ip, request_id, target, user_agent, public, actor_salt, personal, " +
		"personal_salt, mark"
	return fmt.Sprintf("INSERT INTO audit_entries (%s) SELECT %s FROM audit_entries WHERE seq = %d", columns, columns, seq)
}

func isCopy(t *testing.T, when string, f *audit.Finding, seq int64) {
	t.Helper()
	if f == nil || f.Damage != audit.DamageAdded || f.Seq != seq || f.ID == "" {
		t.Errorf("%s the finding is %v, want added at %d", when, f, seq)
	}
}

func TestCopiedEntryIsReportedInStoreExportAndStream(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var stream bytes.Buffer
	b.sequencer = audit.NewSequencer(b.Store.Audit(), b.signer, b.Clock, checkpointlog.New(&stream, true))
	b.write(t, 25)
	b.tamper(t, copyEntry(12))
	isCopy(t, "before the seal", b.verifyStore(t, audit.Trust{}).Finding, 26)
	b.seal(t)
	isCopy(t, "after the seal", b.verifyStore(t, audit.Trust{}).Finding, 26)
	for _, format := range formats {
		isCopy(t, "in "+string(format), verifyFile(t, b.export(t, format, domain.AuditQuery{}), audit.Trust{}).Finding, 26)
		isCopy(t, "in filtered "+string(format), verifyFile(t, b.export(t, format, domain.AuditQuery{UserID: "usr_2"}),
			audit.Trust{}).Finding, 26)
	}
	isCopy(t, "in the stream", verifyFile(t, stream.Bytes(), audit.Trust{}).Finding, 26)
}

func TestEntryBeforeTheFirstPositionIsReported(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 5)
	b.tamper(t, `INSERT INTO audit_entries (seq, at, kind, user_id, ip, request_id, target, user_agent, public)
		SELECT -7, at, kind, user_id, ip, request_id, target, user_agent, public FROM audit_entries WHERE seq = 2`)
	if f := b.verifyStore(t, audit.Trust{}).Finding; f == nil || f.Damage != audit.DamageAdded || f.Seq != -7 {
		t.Errorf("the finding is %v, want added at -7", f)
	}
}

// copyLine returns an edit that inserts a copy of the line of one position at the line of another, or offset lines
// after it.
func copyLine(seq, to, offset int) func([][]byte, func(int) int) [][]byte {
	return func(l [][]byte, at func(int) int) [][]byte { return slices.Insert(l, at(to)+offset, l[at(seq)]) }
}

func TestCopiedExportLineIsReported(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 25)
	tests := map[string]struct {
		edit func([][]byte, func(int) int) [][]byte
		seq  int64
	}{
		"doubled":                 {copyLine(7, 7, 1), 7},
		"appended":                {copyLine(7, 25, 1), 7},
		"copied a little back":    {copyLine(7, 9, 1), 7},
		"the last one, to within": {copyLine(25, 7, 0), 25},
		"the first one, appended": {copyLine(1, 25, 1), 1},
		"copied one place ahead":  {copyLine(8, 7, 0), 8},
	}
	for name, tc := range tests {
		for _, format := range formats {
			for kind, query := range map[string]domain.AuditQuery{
				"complete": {},
				"filtered": {Actions: []domain.Action{domain.ActionLogin}},
			} {
				t.Run(fmt.Sprint(name, " in ", kind, " ", format), func(t *testing.T) {
					t.Parallel()
					raw := b.export(t, format, query)
					lines := bytes.SplitAfter(raw, []byte("\n"))
					edited := tc.edit(lines, func(seq int) int { return lineOf(t, lines, format, seq) })
					isCopy(t, "", verifyFile(t, bytes.Join(edited, nil), audit.Trust{}).Finding, tc.seq)
				})
			}
		}
	}
}

func TestStreamOfEntriesAndCheckpointsVerifies(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var entries, checkpoints bytes.Buffer
	b.sequencer = audit.NewSequencer(b.Store.Audit(), b.signer, b.Clock,
		checkpointlog.New(&entries, true), checkpointlog.New(&checkpoints, false), b.published)
	b.write(t, 25)
	trust := audit.Trust{Checkpoints: b.published.list}
	if r := verifyFile(t, entries.Bytes(), trust); r.Finding != nil || r.Entries != 25 || r.Segments != 3 || !r.Complete ||
		r.Last != 25 {
		t.Errorf("the report is %+v, finding %v", r, r.Finding)
	}
	if r := verifyFile(t, checkpoints.Bytes(), trust); r.Finding != nil || r.Entries != 0 || r.Segments != 3 ||
		r.Complete {
		t.Errorf("without entries the report is %+v, finding %v", r, r.Finding)
	}
	if f := verifyFile(t, entries.Bytes(), audit.Trust{Key: "another"}).Finding; f == nil ||
		f.Damage != audit.DamageProof {
		t.Errorf("under another key the finding is %v", f)
	}
}

func TestDamageToAStreamIsLocated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var stream bytes.Buffer
	b.sequencer = audit.NewSequencer(b.Store.Audit(), b.signer, b.Clock, checkpointlog.New(&stream, true))
	b.write(t, 25) // lines 1 to 10, 12 to 21 and 23 to 27 are entries
	tests := map[string]struct {
		edit func(l [][]byte) [][]byte
		want audit.Damage
		line int64
	}{
		"an entry changed": {func(l [][]byte) [][]byte {
			l[4] = bytes.Replace(l[4], []byte("usr_"),
				[]byte("usr-"), 1)
			return l
		}, audit.DamageChanged, 1},
		"an entry removed": {
			func(l [][]byte) [][]byte { return slices.Delete(l, 4, 5) }, audit.DamageRemoved,
			5,
		},
		"the last of a segment removed": {
			func(l [][]byte) [][]byte { return slices.Delete(l, 9, 10) }, audit.DamageRemoved,
			10,
		},
		"an entry copied to the end": {
			func(l [][]byte) [][]byte { return slices.Insert(l, 28, l[4]) }, audit.DamageAdded,
			29,
		},
		"an entry copied behind": {func(l [][]byte) [][]byte { return slices.Insert(l, 5, l[4]) }, audit.DamageAdded, 6},
		"an entry moved back":    {func(l [][]byte) [][]byte { l[4], l[5] = l[5], l[4]; return l }, audit.DamageMoved, 6},
		"an entry under another place": {func(l [][]byte) [][]byte {
			return slices.Insert(l, 28, bytes.Replace(l[4], []byte(`"seq":5,`), []byte(`"seq":26,`), 1))
		}, audit.DamageAdded, 29},
		"a checkpoint copied":  {func(l [][]byte) [][]byte { return slices.Insert(l, 28, l[10]) }, audit.DamageAdded, 29},
		"a checkpoint removed": {func(l [][]byte) [][]byte { return slices.Delete(l, 10, 11) }, audit.DamageAdded, 1},
		"a checkpoint changed": {func(l [][]byte) [][]byte {
			l[10] = bytes.Replace(l[10], []byte("entries 1-10 "), []byte("entries 1-11 "), 1)
			return l
		}, audit.DamageProof, 11},
		"the last checkpoint removed": {func(l [][]byte) [][]byte { return l[:27] }, audit.DamageAdded, 23},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := bytes.SplitAfter(bytes.Clone(stream.Bytes()), []byte("\n"))
			f := verifyFile(t, bytes.Join(tc.edit(lines[:len(lines)-1]), nil), audit.Trust{}).Finding
			if f == nil || f.Damage != tc.want || f.Line != tc.line {
				t.Errorf("the finding is %v, want %s in line %d", f, tc.want, tc.line)
			}
		})
	}
}

func TestEntryRemovedFromAFilteredExportIsLocated(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.write(t, 25)
	for _, format := range formats {
		for _, seq := range []int{2, 11, 23} {
			raw := b.export(t, format, domain.AuditQuery{UserID: "usr_1"})
			lines := bytes.SplitAfter(raw, []byte("\n"))
			at := lineOf(t, lines, format, seq)
			f := verifyFile(t, bytes.Join(slices.Delete(lines, at, at+1), nil), audit.Trust{}).Finding
			if f == nil || f.Damage != audit.DamageRemoved || f.Seq != int64(seq) {
				t.Errorf("%s without the entry at %d: the finding is %v, want removed", format, seq, f)
			}
		}
	}
}

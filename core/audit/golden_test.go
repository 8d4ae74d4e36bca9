package audit_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// golden reads a file of testdata/v1, which was written before exports had options: all three formats of a log with
// hostile texts and an erased person, complete (22 entries) and filtered to usr_1 (11 entries), the stream of a
// checkpoint sink, and the database.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "v1", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestExportsOfEarlierVersionsVerify(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		r := verifyFile(t, golden(t, "complete."+string(format)), audit.Trust{})
		if r.Finding != nil || !r.Complete || r.Last != r.Entries || r.Entries < 21 {
			t.Errorf("%s: the report is %+v, finding %v", format, r, r.Finding)
		}
		filtered := verifyFile(t, golden(t, "filtered."+string(format)), audit.Trust{Key: r.Key})
		if filtered.Finding != nil || filtered.Complete || filtered.Entries != 11 {
			t.Errorf("%s, filtered: the report is %+v, finding %v", format, filtered, filtered.Finding)
		}
	}
	if r := verifyFile(t, golden(t, "stream.ndjson"), audit.Trust{}); r.Finding != nil || r.Entries != 20 {
		t.Errorf("stream: the report is %+v, finding %v", r, r.Finding)
	}
}

func TestDamagedExportsOfEarlierVersionsAreLocated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(lines [][]byte, at func(int) int) [][]byte
		want audit.Damage
		seq  int64
	}{
		"a line changed": {func(l [][]byte, at func(int) int) [][]byte {
			l[at(7)] = bytes.Replace(l[at(7)], []byte("login"), []byte("logout"), 1)
			return l
		}, audit.DamageChanged, 7},
		"a line removed":  {without(7), audit.DamageRemoved, 7},
		"a line appended": {copyLine(7, 14, 1), audit.DamageAdded, 7},
	}
	for name, tc := range tests {
		for _, format := range formats {
			t.Run(name+" in "+string(format), func(t *testing.T) {
				t.Parallel()
				lines := bytes.SplitAfter(golden(t, "complete."+string(format)), []byte("\n"))
				edited := tc.edit(lines, func(seq int) int { return lineOf(t, lines, format, seq) })
				f := verifyFile(t, bytes.Join(edited, nil), audit.Trust{}).Finding
				if f == nil || f.Damage != tc.want || f.Seq != tc.seq {
					t.Errorf("the finding is %v, want %s at %d", f, tc.want, tc.seq)
				}
			})
		}
	}
}

func TestEveryByteOfAnEarlierExportIsProved(t *testing.T) {
	t.Parallel()
	for _, format := range formats {
		raw := golden(t, "filtered."+string(format))
		for at := 0; at < len(raw); at += 29 {
			altered := bytes.Clone(raw)
			altered[at] ^= 1
			if f := verifyFile(t, altered, audit.Trust{}).Finding; f == nil {
				t.Errorf("%s: byte %d altered from %q: not found", format, at, around(raw, at))
			}
		}
	}
}

// earlierStore opens a copy of the database of an earlier version, with a log that is sealed without a tree.
func earlierStore(t *testing.T) *bench {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(golden(t, "ostiary.db.gz")))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, sqlitestore.FileName), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	clock := &kit.Clock{}
	for clock.Now().Before(kit.Noon) {
		clock.Forward(time.Duration(math.MaxInt64))
	}
	clock.Forward(kit.Noon.Add(time.Hour).Sub(clock.Now()))
	store, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Dir: dir, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close(t.Context()) })
	keys, err := keyring.ParseKeys("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=") // only for this test data
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := keyring.NewSealer(keys)
	if err != nil {
		t.Fatal(err)
	}
	k := &kit.Kit{Dir: dir, Store: store, Clock: clock, Sealer: sealer}
	k.AuditWriter = audit.NewWriter(&laterIDs{}, clock, store.Audit())
	b := on(k)
	marker, err := b.signer.Marker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store.MarkEntries(marker)
	return b
}

func TestStoreOfAnEarlierVersionVerifies(t *testing.T) {
	t.Parallel()
	b := earlierStore(t)
	if r := b.verifyStore(t, audit.Trust{}); r.Finding != nil || r.Entries < 21 || r.Unsealed != 0 {
		t.Fatalf("the report is %+v, finding %v", r, r.Finding)
	}
	// The log is exported in the current form.
	raw := b.export(t, audit.FormatCSV, domain.AuditQuery{UserID: "usr_1"})
	if r := verifyFile(t, raw, audit.Trust{}); r.Finding != nil || r.Entries != 11 || strings.Contains(string(raw), ";=") {
		t.Errorf("the report of an export is %+v, finding %v", r, r.Finding)
	}
}

// A log that was sealed without a tree continues with one: the first tree contains the root before it.
func TestLogVerifiesAcrossTheFirstTree(t *testing.T) {
	t.Parallel()
	b := earlierStore(t)
	old := b.segments(t)
	b.write(t, 25)
	segments := b.segments(t)
	if first := segments[len(old)]; old[len(old)-1].Size != 0 || first.Size != 1+first.Count ||
		first.Previous != old[len(old)-1].Root {
		t.Fatalf("the first segment with a tree is %+v", first.Checkpoint)
	}
	var kept []auditformat.Checkpoint
	for _, s := range segments {
		kept = append(kept, s.Checkpoint)
	}
	verify := func(when string, first int64) {
		t.Helper()
		if r := b.verifyStore(t, audit.Trust{Checkpoints: kept}); r.Finding != nil || r.First != first {
			t.Fatalf("%s: the report is %+v, finding %v", when, r, r.Finding)
		}
		for _, format := range formats {
			if r := verifyFile(t, b.export(t, format, domain.AuditQuery{}), audit.Trust{Checkpoints: kept}); r.Finding != nil ||
				r.First != first {
				t.Errorf("%s in %s: the report is %+v, finding %v", when, format, r, r.Finding)
			}
			if r := verifyFile(t, b.export(t, format, domain.AuditQuery{UserID: "usr_2"}), audit.Trust{}); r.Finding != nil ||
				r.Entries < 1 {
				t.Errorf("%s in filtered %s: the report is %+v, finding %v", when, format, r, r.Finding)
			}
		}
	}
	verify("as it continues", 1)
	if err := b.Store.Audit().ErasePerson(t.Context(), "usr_0", nil); err != nil {
		t.Fatal(err)
	}
	verify("after a purge", 1)
	// within the old part, at its end, and after the first tree began
	for _, number := range []int{1, len(old), len(old) + 1} {
		if err := b.Store.Audit().CutSegments(t.Context(), int64(number), domain.Outbox{}); err != nil {
			t.Fatal(err)
		}
		verify(fmt.Sprint("cut after segment ", number), segments[number-1].Last()+1)
	}
	b.tamper(t, fmt.Sprintf("UPDATE audit_segments SET previous = zeroblob(32) WHERE number = %d", len(old)+2))
	if f := b.verifyStore(t, audit.Trust{}).Finding; f == nil || f.Damage != audit.DamageProof {
		t.Errorf("with another previous root the finding is %v, want %s", f, audit.DamageProof)
	}
}

func (b *bench) segments(t *testing.T) (all []auditformat.Segment) {
	t.Helper()
	err := b.Store.Audit().Segments(t.Context(), 0, func(s auditformat.Segment) error {
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// laterIDs returns ids that are after those of the log of an earlier version.
type laterIDs struct{ count atomic.Int64 }

func (i *laterIDs) NewID(prefix string) string {
	return fmt.Sprintf("%s02kjq6psg0rzk0jswms%07d", prefix, i.count.Add(1))
}

package audit_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// golden reads a file of testdata/v1, which was written before exports had options: all three formats of a log with hostile
// texts and an erased person, complete (22 entries) and filtered to usr_1 (11 entries), the stream of a checkpoint sink, and
// the database.
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

func TestStoreOfAnEarlierVersionVerifies(t *testing.T) {
	t.Parallel()
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
	log := store.Audit()
	verify := func() audit.Report {
		report, err := audit.NewStoreVerifier(log, log, audit.NewSigner(log, sealer)).Verify(t.Context(), audit.Trust{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if r := verify(); r.Finding != nil || r.Entries < 21 || r.Unsealed != 0 {
		t.Fatalf("the report is %+v, finding %v", r, r.Finding)
	}
	// The log is exported in the current form.
	k := &kit.Kit{Dir: dir, Store: store, Clock: clock, Sealer: sealer}
	k.AuditWriter = audit.NewWriter(kitIDs{}, clock, log)
	b := on(k)
	marker, err := b.signer.Marker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store.MarkEntries(marker)
	raw = b.export(t, audit.FormatCSV, domain.AuditQuery{UserID: "usr_1"})
	if r := verifyFile(t, raw, audit.Trust{}); r.Finding != nil || r.Entries != 11 || strings.Contains(string(raw), ";=") {
		t.Errorf("the report of an export is %+v, finding %v", r, r.Finding)
	}
}

// kitIDs returns a constant id.
type kitIDs struct{}

func (kitIDs) NewID(prefix string) string { return prefix + "01kjq6psg0rzk0jswmsbsss4az" }

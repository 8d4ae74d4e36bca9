package checkpointlog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/checkpointlog"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

func TestL05_AFileKeepsCheckpointsAsTheVerifierReadsThem(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "checkpoints.log")
	var want []domain.AuditCheckpoint
	for n := int64(1); n <= 2; n++ {
		// Opened again for each: a restart goes on where the file ends.
		log, err := checkpointlog.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		c := domain.AuditCheckpoint{
			Number: n, First: n * 10, Count: 10, Root: domain.AuditDigest{byte(n)}, SealedAt: time.Unix(1700000000, 5).UTC(),
			KeyID: "key", Signature: []byte{1, 2, 3},
		}
		if err := log.Publish(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want = append(want, c)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []domain.AuditCheckpoint
	for line := range bytes.Lines(raw) {
		c, err := audit.ParseCheckpoint(line)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the checkpoints differ (-want +got):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want 0600", info.Mode().Perm())
	}
}

package checkpointlog_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/checkpointlog"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

func TestCheckpointFileVerifies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "checkpoints.log")
	var want []auditformat.Checkpoint
	for n := int64(1); n <= 2; n++ {
		// Opened again for each: a restart goes on where the file ends.
		log, err := checkpointlog.Open(path, false)
		if err != nil {
			t.Fatal(err)
		}
		c := auditformat.Checkpoint{
			Number: n, First: n * 10, Count: 10, Root: auditformat.Digest{byte(n)}, SealedAt: time.Unix(1700000000, 5).UTC(),
			KeyID: "key", Signature: []byte{1, 2, 3},
		}
		if err := log.Publish(t.Context(), auditformat.Segment{Checkpoint: c}, nil); err != nil {
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
	var got []auditformat.Checkpoint
	for line := range bytes.Lines(raw) {
		c, err := auditformat.ParseCheckpoint(line)
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

func TestEntriesPrecedeTheirCheckpointIfConfigured(t *testing.T) {
	t.Parallel()
	salt := make([]byte, auditformat.SaltLength)
	record, err := auditformat.NewRecord(domain.AuditEntry{
		ID: "log_1", Time: time.Unix(1700000000, 0), UserID: "usr_1", Action: domain.ActionLogin, Success: true,
		IPAddress: "192.0.2.1", UserAgent: "a \"quoted\"\nagent", Details: map[string]any{"method": "password"},
	}, salt, salt)
	if err != nil {
		t.Fatal(err)
	}
	record.Seq = 7
	var out bytes.Buffer
	for _, wanted := range []bool{false, true} {
		log := checkpointlog.New(&out, wanted)
		segment := auditformat.Segment{Checkpoint: auditformat.Checkpoint{Number: 1, First: 7, Count: 1}}
		if err := log.Publish(t.Context(), segment, []auditformat.Record{record}); err != nil {
			t.Fatal(err)
		}
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if len(lines) != 3 || !bytes.Equal(lines[0], lines[2]) {
		t.Fatalf("%d lines, want a checkpoint, an entry and the checkpoint again:\n%s", len(lines), out.Bytes())
	}
	var got struct {
		Entry map[string]any `json:"entry"`
	}
	if err := json.Unmarshal(lines[1], &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"log_id": "log_1", "timestamp": "2023-11-14T22:13:20Z", "user_id": "usr_1", "action": "login", "success": true,
		"ip_address": "192.0.2.1", "user_agent": "a \"quoted\"\nagent", "details": map[string]any{"method": "password"},
		"request_id": "", "target_id": "", "seq": 7.0, "v": 1.0, "personal": nil,
	}
	// Without the salts the commitments are random, and the salts stay in the store.
	delete(got.Entry, "actor_commitment")
	delete(got.Entry, "personal_commitment")
	if diff := cmp.Diff(want, got.Entry); diff != "" {
		t.Errorf("the entry differs (-want +got):\n%s", diff)
	}
}

func TestLastCheckpointOfAFileIsFoundBehindEntriesAndBeforeATornLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "checkpoints.log")
	if line, err := checkpointlog.Last(path); line != nil || err != nil {
		t.Errorf("of no file: %q, %v", line, err)
	}
	text := bytes.Repeat([]byte("{\"entry\":{}}\n"), 10_000)
	text = append(text, "{\"segment\":{\"number\":1}}\n{\"checkpoint\":\"2\"}\n{\"entry\":{}}\n{\"checkpoint\":\"3"...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if line, err := checkpointlog.Last(path); string(line) != `{"checkpoint":"2"}` || err != nil {
		t.Errorf("the last checkpoint is %q (%v)", line, err)
	}
}

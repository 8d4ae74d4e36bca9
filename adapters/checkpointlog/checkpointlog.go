// Package checkpointlog writes the checkpoints of the audit log, and optionally the entries that they seal, to a
// place out of reach of anyone who can change the store: to standard output, from where a log collector forwards
// them, or to an append-only file.
package checkpointlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"

	"github.com/ostiary/ostiary/ports"
)

// Log writes one line of JSON for each checkpoint, and before it one for each entry where entries are wanted. It is safe for
// concurrent use.
type Log struct {
	entries bool

	mu   sync.Mutex
	to   io.Writer
	file *os.File // nil for a writer that is not ours to close
}

var _ ports.CheckpointSink = (*Log)(nil)

// New returns a Log that writes to w, with the entries or without.
func New(w io.Writer, entries bool) *Log { return &Log{to: w, entries: entries} }

// Open returns a Log that appends to the file, which it makes, for its owner alone, where there is none.
func Open(path string, entries bool) (*Log, error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the operator says where
	if err != nil {
		return nil, fmt.Errorf("opening the file of audit checkpoints: %w", err)
	}
	return &Log{to: file, file: file, entries: entries}, nil
}

// checkpoint is the form in which audit.ParseCheckpoint reads one.
type checkpoint struct {
	Segment segment `json:"segment"`
}

type segment struct {
	Number    int64  `json:"number"`
	First     int64  `json:"first"`
	Count     int64  `json:"count"`
	Previous  string `json:"previous"`
	Root      string `json:"root"`
	SealedAt  string `json:"sealed_at"`
	Key       string `json:"key"`
	Signature string `json:"signature"`
}

// Publish writes the checkpoint after its entries, for a file on disk before it returns.
func (l *Log) Publish(_ context.Context, c auditformat.Checkpoint, records []auditformat.Record) error {
	var text []byte
	if l.entries {
		for i := range records {
			text = append(appendEntry(text, &records[i]), '\n')
		}
	}
	line, err := json.Marshal(checkpoint{segment{
		Number: c.Number, First: c.First, Count: c.Count, Previous: c.Previous.String(), Root: c.Root.String(),
		SealedAt: c.SealedAt.UTC().Format(time.RFC3339Nano), Key: c.KeyID,
		Signature: base64.RawURLEncoding.EncodeToString(c.Signature),
	}})
	if err != nil {
		return fmt.Errorf("writing an audit checkpoint: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.to.Write(append(append(text, line...), '\n')); err != nil {
		return fmt.Errorf("writing an audit checkpoint: %w", err)
	}
	if l.file == nil {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("writing an audit checkpoint: %w", err)
	}
	return nil
}

// appendEntry appends an entry: its sealed text, its position, and its personal data, without the openings of the
// commitments.
func appendEntry(dst []byte, r *auditformat.Record) []byte {
	dst = append(append(dst, `{"entry":`...), r.Public[:len(r.Public)-1]...)
	dst = strconv.AppendInt(append(dst, `,"seq":`...), r.Seq, 10)
	dst = auditformat.AppendJSONText(append(dst, `,"ip_address":"`...), r.IPAddress)
	dst = auditformat.AppendJSONText(append(dst, `","user_agent":"`...), r.UserAgent)
	dst = append(dst, `","personal":`...)
	if len(r.Personal) == 0 {
		return append(dst, "null}}"...)
	}
	return append(append(dst, r.Personal...), "}}"...)
}

// Close closes the file.
func (l *Log) Close(context.Context) error {
	if l.file == nil {
		return nil
	}
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("closing the file of audit checkpoints: %w", err)
	}
	return nil
}

// tailLength is how much of the end of a file is searched for its last checkpoint. A line of a checkpoint has some 400 bytes.
const tailLength = 64 << 10

// Last returns the line of the last checkpoint in the file, nil where there is none.
func Last(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator says where
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the file of audit checkpoints: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the file of audit checkpoints: %w", err)
	}
	tail := make([]byte, min(info.Size(), tailLength))
	if _, err := file.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the file of audit checkpoints: %w", err)
	}
	var last []byte
	for line := range bytes.Lines(tail) {
		if bytes.HasPrefix(line, []byte(`{"segment":`)) && bytes.HasSuffix(line, []byte("\n")) {
			last = bytes.TrimSuffix(line, []byte("\n"))
		}
	}
	return last, nil
}

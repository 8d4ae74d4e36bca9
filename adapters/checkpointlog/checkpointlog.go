// Package checkpointlog writes the checkpoints of the audit log, and optionally the entries that they seal, to a
// place out of reach of anyone who can change the store: to standard output, from where a log collector forwards
// them, or to an append-only file.
package checkpointlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/ports"
)

// Log writes one line of JSON for each checkpoint, and before it one for each entry where entries are wanted. It is
// safe for concurrent use.
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

// Publish writes the checkpoint after its entries, for a file on disk before it returns.
func (l *Log) Publish(_ context.Context, segment auditformat.Segment, records []auditformat.Record) error {
	var text []byte
	if l.entries {
		for i := range records {
			text = append(records[i].AppendEntry(text), '\n')
		}
	}
	segment.Leaves = nil
	line, err := auditformat.SegmentLine(&segment, nil)
	if err != nil {
		return fmt.Errorf("writing an audit checkpoint: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.to.Write(append(append(text, line...), '\n'))
	if err == nil && l.file != nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("writing an audit checkpoint: %w", err)
	}
	return nil
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

// tailLength is how much of the end of a file is searched for its last checkpoint. A line of a checkpoint has at most
// some 4,000 bytes.
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
		isCheckpoint := bytes.HasPrefix(line, []byte(auditformat.CheckpointBegin)) ||
			bytes.HasPrefix(line, []byte(auditformat.SegmentBegin))
		if isCheckpoint && bytes.HasSuffix(line, []byte("\n")) {
			last = bytes.TrimSuffix(line, []byte("\n"))
		}
	}
	return last, nil
}

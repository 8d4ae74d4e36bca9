// Package logbuffer collects lines of the log and writes them together: a write of its own for each request takes as
// long as verifying a token.
//
// A line is written Delay after it was logged at the latest, with the lines that were logged meanwhile. A line of the
// level warn or above is written at once, with all before it. So a process that is killed loses the lines of its last
// Delay, and no warning or error.
package logbuffer

import (
	"errors"
	"io"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"
)

const (
	// Delay is how long a line waits for others.
	Delay = 100 * time.Millisecond
	// size is the number of bytes that are written without waiting.
	size = 32 << 10
)

// Buffer implements zapcore.WriteSyncer. It is safe for concurrent use. It collects lines between Start and Stop, and
// writes each at once before and after.
type Buffer struct {
	out io.Writer

	mu      sync.Mutex
	started bool
	lines   []byte
	timer   *time.Timer // writes the lines; nil before the first one
	armed   bool        // the timer is running
	failed  error       // of a write by the timer
}

// New returns a buffer for the lines that are to be written to out.
func New(out io.Writer) *Buffer { return &Buffer{out: out} }

// Start begins to collect lines.
func (b *Buffer) Start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started = true
}

// Stop writes the lines that were collected. Later lines are written at once.
func (b *Buffer) Stop() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started = false
	return b.flush()
}

// Write adds a line. The error may be that of a write of earlier lines.
func (b *Buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line...)
	switch {
	case !b.started || len(b.lines) >= size:
		return len(line), b.flush()
	case b.armed:
	case b.timer == nil:
		b.timer = time.AfterFunc(Delay, b.expire)
	default:
		b.timer.Reset(Delay)
	}
	b.armed = true
	return len(line), nil
}

// expire writes the lines that have waited.
func (b *Buffer) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = false
	if err := b.flush(); err != nil {
		b.failed = err
	}
}

// Sync writes the lines that were collected.
func (b *Buffer) Sync() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flush()
}

func (b *Buffer) flush() error {
	failed := b.failed
	b.failed = nil
	if len(b.lines) == 0 {
		return failed
	}
	_, err := b.out.Write(b.lines)
	if b.lines = b.lines[:0]; cap(b.lines) > 2*size {
		b.lines = nil // one line was very long
	}
	return errors.Join(failed, err)
}

// Core returns a core that logs to the buffer, and writes the lines at once after one of the level warn or above.
func (b *Buffer) Core(encoder zapcore.Encoder, level zapcore.LevelEnabler) zapcore.Core {
	return &core{zapcore.NewCore(encoder, b, level)}
}

type core struct{ zapcore.Core }

// With returns a core with more fields.
func (c *core) With(fields []zapcore.Field) zapcore.Core { return &core{c.Core.With(fields)} }

// Check adds the core to the entry if its level is logged.
func (c *core) Check(entry zapcore.Entry, to *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(entry.Level) {
		return to
	}
	return to.AddCore(entry, c)
}

// Write logs the entry.
func (c *core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	err := c.Core.Write(entry, fields)
	if entry.Level < zapcore.WarnLevel {
		return err
	}
	return errors.Join(err, c.Sync())
}

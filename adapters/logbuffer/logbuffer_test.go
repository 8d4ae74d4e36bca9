package logbuffer_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/ostiary/ostiary/adapters/logbuffer"
)

// sink counts the writes to a file.
type sink struct {
	mu     sync.Mutex
	text   strings.Builder
	writes int
	err    error
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.err != nil {
		return 0, s.err
	}
	return s.text.Write(p)
}

// want checks the number of writes, and of lines in them.
func (s *sink) want(t *testing.T, when string, writes, lines int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Count(s.text.String(), "\n"); s.writes != writes || got != lines {
		t.Errorf("%s: %d lines in %d writes, want %d in %d", when, got, s.writes, lines, writes)
	}
}

func newLog(to *sink) (*logbuffer.Buffer, *zap.Logger) {
	b := logbuffer.New(to)
	return b, zap.New(b.Core(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zap.InfoLevel))
}

func TestLinesAreWrittenTogetherAndWithinTheDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var file sink
		b, log := newLog(&file)
		log.Info("before the start")
		file.want(t, "before the start", 1, 1)
		b.Start()
		for range 50 {
			log.Info("request")
		}
		file.want(t, "at first", 1, 1)
		time.Sleep(logbuffer.Delay)
		synctest.Wait()
		file.want(t, "after the delay", 2, 51)
		time.Sleep(time.Hour)
		log.Info("request")
		time.Sleep(logbuffer.Delay)
		synctest.Wait()
		file.want(t, "after a pause", 3, 52)
	})
}

// TestSteadyLoadDelaysNoLineByASecond logs without a pause: each line is written within a second, as documented.
func TestSteadyLoadDelaysNoLineByASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var file sink
		b, log := newLog(&file)
		b.Start()
		for n := range 1000 {
			log.Info("request")
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			file.mu.Lock()
			written := strings.Count(file.text.String(), "\n")
			file.mu.Unlock()
			if lost := n + 1 - written; lost > 100 {
				t.Fatalf("%d lines are not written, of more than a second", lost)
			}
		}
	})
}

func TestWarningsAreWrittenAtOnceWithTheLinesBeforeThem(t *testing.T) {
	t.Parallel()
	for _, level := range []zapcore.Level{zap.WarnLevel, zap.ErrorLevel} {
		var file sink
		b, log := newLog(&file)
		b.Start()
		log.Info("request")
		log.Debug("not logged")
		file.want(t, "before it", 0, 0)
		log.With(zap.String("more", "fields")).Log(level, "something failed")
		file.want(t, level.String(), 1, 2)
	}
}

func TestLongLogsAreWrittenWithoutTheDelay(t *testing.T) {
	t.Parallel()
	var file sink
	b, log := newLog(&file)
	b.Start()
	long := strings.Repeat("x", 1000)
	for range 100 {
		log.Info(long)
	}
	if file.writes < 2 || file.writes > 10 {
		t.Errorf("100 KB were written in %d writes", file.writes)
	}
}

func TestStopWritesTheLinesAndEndsTheCollecting(t *testing.T) {
	t.Parallel()
	var file sink
	b, log := newLog(&file)
	b.Start()
	log.Info("request")
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	file.want(t, "after the stop", 1, 1)
	log.Info("last words")
	file.want(t, "later", 2, 2)
	b.Start()
	log.Info("request")
	if err := log.Sync(); err != nil {
		t.Fatal(err)
	}
	file.want(t, "after Sync", 3, 3)
}

// TestFailedWritesAreReported checks that a failed write keeps no lines, so that memory does not grow, and is reported.
func TestFailedWritesAreReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := sink{err: errors.New("no space")}
		b, log := newLog(&file)
		b.Start()
		log.Info("lost")
		time.Sleep(logbuffer.Delay)
		synctest.Wait()
		file.mu.Lock()
		file.err = nil
		file.mu.Unlock()
		if err := b.Sync(); err == nil {
			t.Error("a failed write was not reported")
		}
		log.Info("kept")
		if err := b.Stop(); err != nil || strings.Contains(file.text.String(), "lost") {
			t.Errorf("%v: %s", err, file.text.String())
		}
	})
}

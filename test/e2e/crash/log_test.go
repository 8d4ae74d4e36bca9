package crash_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestKillLeavesTheLogWithoutGapsAndTornLines kills the program with requests in progress. The log then has the line of
// each request up to some moment, in order and complete, and of all that were answered before the service was idle.
func TestKillLeavesTheLogWithoutGapsAndTornLines(t *testing.T) {
	t.Parallel()
	s := newServer(t, store{})
	s.environment = append(s.environment, "OSTIARY_LOG_LEVEL=info")
	s.start(t)
	ask := func(from, to int) {
		for n := from; n < to; n++ {
			if _, err := s.call(t.Context(), fmt.Sprintf("line-%d.", n), "", http.MethodGet, "/auth/verify", ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	const before, after = 300, 100
	ask(0, before)
	last := fmt.Sprintf("line-%d.", before-1)
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.logText(t), last); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("an idle service does not write the lines of its log")
		}
	}
	ask(before, before+after)
	must(t, s.process.Kill())
	text := strings.TrimSuffix(s.logText(t), "Killed\n") // of the shell that started it
	if !strings.HasSuffix(text, "}\n") {
		t.Errorf("the log ends within a line: %q", text[max(0, len(text)-100):])
	}
	lines := strings.Count(text, `"request_id":"line-`)
	for n := range lines {
		if !strings.Contains(text, fmt.Sprintf(`"request_id":"line-%d."`, n)) {
			t.Errorf("the log has %d lines, and lacks that of request %d", lines, n)
		}
	}
	if lines < before {
		t.Errorf("the log has %d of %d lines that were written before the kill", lines, before)
	}
}

func (s *server) logText(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(s.log(s.lives))
	must(t, err)
	return string(raw)
}

package sqlitestore_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/test/existence"
	"github.com/ostiary/ostiary/test/kit"
)

// statements records the transactions and their writes, without the texts: what decides the time of a response is how
// many there are, and which are flushed to disk. Reads are in memory or take microseconds.
type statements struct {
	mu   sync.Mutex
	mode string // of the connection
	seen []string
}

func (s *statements) note(query string) {
	verb, rest, _ := strings.Cut(query, " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.HasPrefix(rest, "INTO attempts"): // after an update that found no row
	case verb == "INSERT", verb == "UPDATE", verb == "DELETE":
		s.seen = append(s.seen, "write")
	case verb == "PRAGMA":
		s.mode = rest
	case verb == "BEGIN":
		s.seen = append(s.seen, "begin with "+s.mode)
	case verb == "COMMIT", verb == "ROLLBACK":
		s.seen = append(s.seen, verb)
	}
}

func (s *statements) cost(t *testing.T, do func()) []string {
	t.Helper()
	s.mu.Lock()
	s.seen = nil
	s.mu.Unlock()
	do()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func TestNoRouteRevealsByItsWritesWhoExists(t *testing.T) {
	t.Parallel()
	var seen statements
	s, err := sqlitestore.Open(t.Context(), sqlitestore.Config{
		Dir: t.TempDir(), Clock: &kit.Clock{}, Monitor: seen.note,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	existence.Test(t, existence.Store{Ports: s.Ports(), Cost: seen.cost})
}

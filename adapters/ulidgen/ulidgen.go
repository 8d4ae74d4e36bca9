// Package ulidgen generates ids: a prefix and a ULID in lower case.
//
// Ids sort by their time of creation, also within one millisecond and while the clock is set back. They are not
// secrets: the next id can be predicted from one.
package ulidgen

import (
	"crypto/rand"
	"strings"
	"sync"

	"github.com/oklog/ulid/v2"

	"github.com/ostiary/ostiary/ports"
)

// Generator implements ports.IDs. It is safe for concurrent use.
type Generator struct {
	clock ports.Clock

	mu      sync.Mutex
	last    uint64 // milliseconds of the id made last
	entropy *ulid.MonotonicEntropy
}

// New returns a generator that takes the time from clock.
func New(clock ports.Clock) *Generator {
	return &Generator{clock: clock, entropy: ulid.Monotonic(rand.Reader, 0)}
}

// NewID returns the prefix and 26 lower-case characters. Each id of one generator sorts after those made before it.
func (g *Generator) NewID(prefix string) string {
	return prefix + strings.ToLower(g.next().String())
}

func (g *Generator) next() ulid.ULID {
	g.mu.Lock()
	defer g.mu.Unlock()
	// A clock that was set back must not make ids that sort before earlier ones, so time here only goes on.
	g.last = max(g.last, ulid.Timestamp(g.clock.Now()))
	for {
		id, err := ulid.New(g.last, g.entropy)
		if err == nil {
			return id
		}
		// The reader of crypto/rand never fails, so this is the end of one millisecond's ids: borrow from the next.
		g.last++
	}
}

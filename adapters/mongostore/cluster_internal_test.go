package mongostore

import (
	"testing"

	"github.com/ostiary/ostiary/core/domain"
)

// TestStatesInAnyOrderKeepTheCache observes states in another order than they were written in, as concurrent commands
// of one node do. Only a state that is older than what the node had applied when it sent the write shows a restored
// database.
func TestStatesInAnyOrderKeepTheCache(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		least         int64
		applied       int64
		first, second bool // whether the session is cached after the states
	}{
		"the result of a write that overtakes another one": {1, 2, true, false},
		"a read that is late":                              {ofRead, 2, true, false},
		"a database that was restored":                     {2, 1, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(&Store{cached: newViewCache(), entropy: zeros{}}, LeaseFor)
			c.s.cached.sessions.put("first", &domain.Session{})
			c.s.cached.sessions.put("second", &domain.Session{})
			c.observe(clusterState{Number: 2, Recent: []string{"users/u", "sessions/second"}}, 0, catalogAhead{})
			c.observe(clusterState{Number: 1, Recent: []string{"users/u"}}, tt.least, catalogAhead{})
			_, first := c.s.cached.sessions.get("first")
			_, second := c.s.cached.sessions.get("second")
			if first != tt.first || second != tt.second || c.applied != tt.applied {
				t.Errorf("cached: %t, %t, applied %d; want %t, %t, %d", first, second, c.applied, tt.first, tt.second,
					tt.applied)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

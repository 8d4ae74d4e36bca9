//go:build !race

package mongostore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// The driver has a data race of its own when connections are cut, so these tests run without the race detector.

// partitionTries returns the number of lookups of revoked sessions in a partition; OSTIARY_TEST_PARTITION_TRIES sets
// another one.
func partitionTries(t *testing.T) int64 {
	t.Helper()
	text := os.Getenv("OSTIARY_TEST_PARTITION_TRIES")
	if text == "" {
		return 300
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("OSTIARY_TEST_PARTITION_TRIES: %v", err)
	}
	return n
}

// TestPartitionAcceptsNoRevokedSession has sessions in the memory of three nodes: one that reaches only the primary,
// one that reaches all members, and one that is then cut off from everything. The primary is separated from the other
// members, which elect another one, and the sessions are revoked there, while the old primary still considers itself
// the primary. From each answer on, no node accepts the session.
func TestPartitionAcceptsNoRevokedSession(t *testing.T) {
	t.Parallel()
	server, tries := newSet(t), partitionTries(t)
	var seen [3]readCounter
	patient := func(i int) func(*mongostore.Config) {
		return func(c *mongostore.Config) { c.Timeout, c.Monitor = 20*time.Second, seen[i].monitor() }
	}
	proxy := faultproxy.New(t, server.AddressOf(0))
	nodes := map[string]*mongostore.Store{
		"reaches the old primary": leased(t, server, only(server, 0), mongostore.LeaseFor, patient(0)),
		"reaches all members":     leased(t, server, server.URI(), mongostore.LeaseFor, patient(1)),
		"reaches nothing": leased(t, server, "mongodb://127.0.0.1:"+proxy.Port()+"/?directConnection=true",
			mongostore.LeaseFor, patient(2)),
	}
	sessions := int(min(max(tries/200, 20), 500))
	inParallel(sessions, func(i int) { newUser(t, nodes["reaches all members"], i) })
	for i, s := range []string{"reaches the old primary", "reaches all members", "reaches nothing"} {
		warm(t, nodes[s], &seen[i], "sess_0")
	}
	p := &partition{nodes: nodes, looks: int(tries)/sessions/len(nodes) + 1}
	p.warm(t, 0, sessions)
	proxy.Silent.Store(true)
	server.CutOff(t, 1)
	p.revokeAll(t, server, sessions)
	t.Logf("%d sessions revoked; %d lookups after the answers: %d refused, %d without an answer", sessions, p.looked.Load(),
		p.refused.Load(), p.unknown.Load())
	if p.looked.Load() < tries {
		t.Errorf("%d lookups, want %d", p.looked.Load(), tries)
	}
}

type partition struct {
	nodes                    map[string]*mongostore.Store
	looks                    int // of each session on each node
	looked, refused, unknown atomic.Int64
}

// revokeAll revokes the sessions through the members that have elected another primary.
func (p *partition) revokeAll(t *testing.T, server *mongotap.Server, sessions int) {
	t.Helper()
	majority := leased(t, server, only(server, 1), mongostore.LeaseFor, func(c *mongostore.Config) {
		c.Timeout = 20 * time.Second
	})
	inParallel(sessions, func(i int) {
		if err := endSessions(t.Context(), majority, domain.UserID("usr_"+strconv.Itoa(i))); err != nil {
			t.Errorf("revoking at the new primary: %v", err)
			return
		}
		p.lookEverywhere(t, sessionNumber(i))
	})
}

func (p *partition) lookEverywhere(t *testing.T, id domain.SessionID) {
	t.Helper()
	var looks sync.WaitGroup
	for name, s := range p.nodes {
		looks.Go(func() {
			for range p.looks {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				_, err := s.View().Lookup(ctx, id)
				cancel()
				p.looked.Add(1)
				switch {
				case err == nil:
					t.Errorf("the node that %s accepts session %s after the revoke was answered", name, id)
				case errors.Is(err, domain.ErrSessionNotFound):
					p.refused.Add(1)
				default:
					p.unknown.Add(1)
				}
			}
		})
	}
	looks.Wait()
}

// inParallel calls do for each number below n, 16 at a time.
func inParallel(n int, do func(i int)) {
	var turn atomic.Int64
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := int(turn.Add(1)) - 1; i < n; i = int(turn.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}

// warm looks the sessions up on every node.
func (p *partition) warm(t *testing.T, first, n int) {
	t.Helper()
	for name, s := range p.nodes {
		inParallel(n, func(i int) {
			if _, err := s.View().Lookup(t.Context(), sessionNumber(first+i)); err != nil {
				t.Errorf("Lookup of %s before it is revoked, on the node that %s: %v", sessionNumber(first+i), name, err)
			}
		})
	}
	if t.Failed() {
		t.FailNow()
	}
}

// cutNode is a node whose network can be cut, and whose clock is its own.
type cutNode struct {
	*mongostore.Store
	proxy *faultproxy.Proxy
	clock *clock
	seen  readCounter
}

// TestCutOffNodesAcceptNoRevokedSession cuts one node after the other off while sessions that every node has in memory
// are revoked, and sets the clock of that node back. From each answer on, no node accepts the session.
func TestCutOffNodesAcceptNoRevokedSession(t *testing.T) {
	t.Parallel()
	server, tries := newSet(t), partitionTries(t)
	nodes := make([]*cutNode, 3)
	for i := range nodes {
		nodes[i] = newCutNode(t, server)
	}
	here := leased(t, server, server.URI(), mongostore.LeaseFor, func(c *mongostore.Config) { c.Timeout = time.Minute })
	p := &partition{nodes: map[string]*mongostore.Store{}, looks: 5}
	for i, n := range nodes {
		p.nodes["is number "+strconv.Itoa(i)] = n.Store
	}
	size := int(min(max(tries/60, 10), 400))
	rounds := 0
	for ; (rounds < len(nodes) || p.looked.Load() < tries) && !t.Failed(); rounds++ {
		p.cutAndRevoke(t, here, nodes, rounds, size)
	}
	t.Logf("%d sessions revoked with a node cut off %d times; %d lookups after the answers: %d refused, %d without an answer",
		rounds*size, rounds, p.looked.Load(), p.refused.Load(), p.unknown.Load())
}

func newCutNode(t *testing.T, server *mongotap.Server) *cutNode {
	t.Helper()
	n := &cutNode{proxy: faultproxy.New(t, server.AddressOf(0)), clock: newClock()}
	uri := "mongodb://127.0.0.1:" + n.proxy.Port() + "/?directConnection=true"
	n.Store = leased(t, server, uri, mongostore.LeaseFor, func(c *mongostore.Config) {
		c.Clock, c.Timeout, c.Monitor = n.clock, 20*time.Second, n.seen.monitor()
	})
	return n
}

// cutAndRevoke revokes new sessions, and cuts one node off in the middle of that.
func (p *partition) cutAndRevoke(t *testing.T, here *mongostore.Store, nodes []*cutNode, round, size int) {
	t.Helper()
	first := round * size
	inParallel(size, func(i int) { newUser(t, here, first+i) })
	for _, n := range nodes {
		warm(t, n.Store, &n.seen, sessionNumber(first))
	}
	p.warm(t, first, size)
	victim := nodes[round%len(nodes)]
	at := int64(rand.N(size))
	var turn atomic.Int64
	inParallel(size, func(i int) {
		if turn.Add(1) == at+1 {
			victim.proxy.Silent.Store(true)
			victim.clock.advance(-time.Hour)
		}
		if err := endSessions(t.Context(), here, domain.UserID("usr_"+strconv.Itoa(first+i))); err != nil {
			t.Errorf("revoking with a node cut off: %v", err)
			return
		}
		p.lookEverywhere(t, sessionNumber(first+i))
	})
	victim.clock.advance(time.Hour)
	victim.proxy.Heal()
	victim.proxy.Cut()
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := victim.View().Lookup(t.Context(), sessionNumber(first))
		if errors.Is(err, domain.ErrSessionNotFound) {
			return
		}
		if err == nil || time.Now().After(deadline) {
			t.Fatalf("Lookup after the repair = %v, want domain.ErrSessionNotFound", err)
		}
	}
}

func sessionNumber(i int) domain.SessionID { return domain.SessionID("sess_" + strconv.Itoa(i)) }

// TestWithoutQuorumNothingIsAnswered leaves the set without a primary: what nodes have in memory is used for the rest
// of their leases and no longer.
func TestWithoutQuorumNothingIsAnswered(t *testing.T) {
	t.Parallel()
	server := newSet(t)
	var seen readCounter
	s := leased(t, server, server.URI(), mongostore.LeaseFor, func(c *mongostore.Config) {
		c.Monitor = seen.monitor()
	})
	user, id := newUser(t, s, 1)
	warm(t, s, &seen, id)
	server.Elect(t, -1)
	lost := time.Now()
	for {
		began := time.Now()
		_, err := s.View().Lookup(t.Context(), id)
		if errors.Is(err, fault.ErrStorage) {
			break
		}
		if err != nil {
			t.Fatalf("Lookup after the loss of the quorum = %v, want fault.ErrStorage", err)
		}
		if began.Sub(lost) > mongostore.LeaseFor {
			t.Fatalf("Lookup is answered from memory %v after the loss of the quorum", began.Sub(lost))
		}
	}
	if err := endSessions(t.Context(), s, user); !errors.Is(err, fault.ErrStorage) {
		t.Errorf("a revoke without a quorum = %v, want fault.ErrStorage", err)
	}
}

package mongostore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// sealNode is a node that seals the audit log, with a monotonic clock of its own.
type sealNode struct {
	store     *mongostore.Store
	log       *mongostore.Audit
	sequencer *audit.Sequencer
	verifier  *audit.StoreVerifier
	clock     *clock
}

const sealEvery = time.Second

// sealNodes opens nodes on one database, with one key.
func sealNodes(t *testing.T, count int, change ...func(*mongostore.Config)) []sealNode {
	t.Helper()
	server := mongotap.Start(t)
	sealer, err := keyring.NewSealer([]keyring.Key{keyring.NewKey()})
	if err != nil {
		t.Fatal(err)
	}
	nodes := make([]sealNode, count)
	for i := range nodes {
		store := openOwn(t, server, change...)
		signer := audit.NewSigner(store.Audit(), sealer)
		marker, err := signer.Marker(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		store.MarkEntries(marker)
		n := sealNode{
			store: store, log: store.Audit(), clock: newClock(),
			sequencer: audit.NewSequencer(store.Audit(), signer, newClock()),
			verifier:  audit.NewStoreVerifier(store.Audit(), store.Audit(), signer),
		}
		store.SetSealClock(n.clock.Now)
		nodes[i] = n
	}
	return nodes
}

func (n *sealNode) write(t *testing.T, id string) {
	t.Helper()
	if err := n.log.Append(t.Context(), entry(id, domain.ActionLogin)); err != nil {
		t.Fatal(err)
	}
}

// tick is one periodic pass of the node. It returns the number of entries that the node has sealed.
func (n *sealNode) tick(t *testing.T) int {
	t.Helper()
	sealed, err := n.sequencer.SealAsLeader(t.Context(), n.log, sealEvery)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func (n *sealNode) leads(t *testing.T) bool {
	t.Helper()
	leads, err := n.log.Lead(t.Context(), sealEvery)
	if err != nil {
		t.Fatal(err)
	}
	return leads
}

// wantLog verifies the log and its number of entries and segments.
func (n *sealNode) wantLog(t *testing.T, entries, segments int64) {
	t.Helper()
	report, err := n.verifier.Verify(t.Context(), audit.Trust{})
	if err != nil || report.Finding != nil {
		t.Fatalf("Verify: %v, finding %v", err, report.Finding)
	}
	if report.Entries != entries || report.Segments != segments || report.Unsealed != 0 {
		t.Errorf("%d entries in %d segments, %d unsealed; want %d in %d, 0 unsealed",
			report.Entries, report.Segments, report.Unsealed, entries, segments)
	}
}

func TestSegmentsDoNotGrowWithNodes(t *testing.T) {
	t.Parallel()
	const rounds = 5
	for _, count := range []int{1, 3, 20} {
		t.Run(fmt.Sprint(count, " nodes"), func(t *testing.T) {
			t.Parallel()
			nodes := sealNodes(t, count)
			for round := range rounds {
				for i := range nodes {
					nodes[i].clock.advance(sealEvery)
					nodes[i].write(t, fmt.Sprintf("%d_%d", round, i))
				}
				for i := range nodes {
					nodes[i].tick(t)
				}
			}
			nodes[0].wantLog(t, int64(rounds*count), rounds)
		})
	}
}

func TestSealingIsTakenOverAfterHolderDied(t *testing.T) {
	t.Parallel()
	nodes := sealNodes(t, 3)
	nodes[0].write(t, "1")
	if nodes[0].tick(t) != 1 || nodes[1].tick(t) != 0 || nodes[2].tick(t) != 0 {
		t.Fatal("another node than the first sealed")
	}
	nodes[1].write(t, "2") // the first node has died
	took := time.Duration(0)
	for ; took < time.Minute; took += sealEvery {
		nodes[1].clock.advance(sealEvery)
		nodes[2].clock.advance(sealEvery)
		if nodes[1].tick(t)+nodes[2].tick(t) > 0 {
			break
		}
	}
	if took += sealEvery; took != 3*time.Second {
		t.Errorf("sealing was taken over after %v of silence, want 3s", took)
	}
	nodes[2].wantLog(t, 2, 2)
}

func TestHolderThatRenewsKeepsLease(t *testing.T) {
	t.Parallel()
	nodes := sealNodes(t, 2)
	for range 20 {
		nodes[0].clock.advance(sealEvery)
		nodes[1].clock.advance(sealEvery)
		if !nodes[0].leads(t) || nodes[1].leads(t) {
			t.Fatal("the lease changed hands while its holder renewed it")
		}
	}
}

func TestResignedLeaseIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	nodes := sealNodes(t, 2)
	if !nodes[0].leads(t) || nodes[1].leads(t) {
		t.Fatal("the first node does not lead")
	}
	if err := nodes[0].log.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !nodes[1].leads(t) || nodes[0].leads(t) {
		t.Error("the second node does not lead after the first resigned")
	}
}

func TestRenewalThatArrivesLateDoesNotLead(t *testing.T) {
	t.Parallel()
	var node sealNode
	late := false
	node = sealNodes(t, 1, onCommand("update", "meta", func() {
		if late {
			node.clock.advance(3 * time.Second) // between the measurement and the write
		}
	}))[0]
	if !node.leads(t) {
		t.Fatal("the only node does not lead")
	}
	if late = true; node.leads(t) {
		t.Error("a node leads whose renewal took as long as the lease")
	}
	if late = false; !node.leads(t) {
		t.Error("the node does not lead after its next renewal")
	}
}

func TestEveryNodeSealsItsEntriesForExport(t *testing.T) {
	t.Parallel()
	nodes := sealNodes(t, 2)
	nodes[0].tick(t)
	nodes[1].write(t, "1")
	if n, err := nodes[1].sequencer.Seal(t.Context()); n != 1 || err != nil {
		t.Fatalf("Seal on a node without the lease = %d, %v; want 1", n, err)
	}
	nodes[0].write(t, "2")
	nodes[0].tick(t)
	nodes[0].wantLog(t, 2, 2)
}

// onCommand calls f before each command of that name on the collection is sent.
func onCommand(name, collection string, f func()) func(*mongostore.Config) {
	return func(c *mongostore.Config) {
		c.Monitor = &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if target, _ := e.Command.Lookup(name).StringValueOK(); e.CommandName == name && target == collection {
				f()
			}
		}}
	}
}

// nextSegment returns the segment that the node would seal next, unsigned.
func (n *sealNode) nextSegment(t *testing.T) (auditformat.Segment, []domain.LogID) {
	t.Helper()
	last, err := n.log.LastSegment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	records, err := n.log.Unsealed(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	var leaves []auditformat.Digest
	var ids []domain.LogID
	for i := range records {
		leaves, ids = append(leaves, records[i].Leaf()), append(ids, records[i].ID)
	}
	segment, err := auditformat.NewSegment(&last, max(last.Last(), 0)+1, leaves, newClock().Now())
	if err != nil {
		t.Fatal(err)
	}
	return segment, ids
}

// takeOver makes the node the leader after the silence of another.
func (n *sealNode) takeOver(t *testing.T) {
	t.Helper()
	n.leads(t)
	n.clock.advance(3 * time.Second)
	if !n.leads(t) {
		t.Fatal("the lease is not taken over")
	}
}

// TestPausedLeaderDamagesNothing stops the leader, as SIGSTOP does, before its renewal, between renewal and segment,
// and inside the write of the segment. Another node takes over and seals the same entries meanwhile.
func TestPausedLeaderDamagesNothing(t *testing.T) {
	t.Parallel()
	t.Run("before the renewal", func(t *testing.T) {
		t.Parallel()
		nodes := sealNodes(t, 2)
		nodes[0].tick(t)
		nodes[0].write(t, "1")
		nodes[1].takeOver(t)
		if nodes[0].tick(t) != 0 {
			t.Error("the former leader sealed")
		}
		nodes[1].tick(t)
		nodes[0].wantLog(t, 1, 1)
	})
	t.Run("before the segment", func(t *testing.T) {
		t.Parallel()
		nodes := sealNodes(t, 2)
		nodes[0].tick(t)
		nodes[0].write(t, "1")
		segment, ids := nodes[0].nextSegment(t)
		nodes[1].takeOver(t)
		nodes[1].tick(t)
		nodes[1].write(t, "2")
		nodes[1].tick(t)
		if err := nodes[0].log.PutSegment(t.Context(), segment, ids); !errors.Is(err, fault.ErrConflict) {
			t.Errorf("PutSegment of the former leader = %v, want fault.ErrConflict", err)
		}
		nodes[0].wantLog(t, 2, 2)
	})
	t.Run("inside the write of the segment", func(t *testing.T) {
		t.Parallel()
		var nodes []sealNode
		paused := false
		nodes = sealNodes(t, 2, onCommand("insert", "segments", func() {
			if paused {
				return // the insert of the other node
			}
			paused = true
			nodes[1].takeOver(t)
			if nodes[1].tick(t) != 1 {
				t.Error("the new leader did not seal")
			}
		}))
		nodes[0].write(t, "1")
		if nodes[0].tick(t) != 0 {
			t.Error("the former leader sealed")
		}
		if nodes[0].leads(t) {
			t.Error("the former leader leads")
		}
		nodes[0].wantLog(t, 1, 1)
	})
}

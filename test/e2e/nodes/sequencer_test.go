package nodes_test

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// sequencerLease is the lease of the audit log as it is stored.
type sequencerLease struct {
	Term int64 `bson:"term"`
	Beat int64 `bson:"beat"`
}

// sealingNodes are two nodes of which one seals the audit log. Each reaches the database through a proxy of its own.
type sealingNodes struct {
	nodes   []*node
	proxies []*faultproxy.Proxy
	db      *mongo.Database
}

func newSealingNodes(t *testing.T) *sealingNodes {
	t.Helper()
	server := mongod.Start(t)
	db := newDatabase(t, server)
	s := &sealingNodes{db: server.Client(t).Database(db.name)}
	for range 2 {
		proxy := faultproxy.New(t, server.Members[0].Address)
		s.proxies = append(s.proxies, proxy)
		db.uris = append(db.uris, "mongodb://127.0.0.1:"+proxy.Port()+"/?directConnection=true")
	}
	s.nodes = startOn(t, 2, db)
	waitFor(t, "a node seals", func() bool {
		n, err := s.db.Collection("meta").CountDocuments(t.Context(), bson.M{"_id": "sequencer"})
		return err == nil && n == 1
	})
	return s
}

func (s *sealingNodes) lease(t *testing.T) sequencerLease {
	t.Helper()
	var l sequencerLease
	if err := s.db.Collection("meta").FindOne(t.Context(), bson.M{"_id": "sequencer"}).Decode(&l); err != nil {
		t.Fatalf("reading the lease: %v", err)
	}
	return l
}

// waitFor polls the condition, whose changes take a second or more.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s", what)
		}
	}
}

// pauseLeader pauses one node after the other until the other one takes over sealing, and returns which it was. A node
// that did not seal is continued.
func (s *sealingNodes) pauseLeader(t *testing.T) (leader int) {
	t.Helper()
	for i, n := range s.nodes {
		before := s.lease(t)
		must(t, n.process.Signal("STOP"))
		var now sequencerLease
		waitFor(t, "the lease is renewed or taken over", func() bool {
			now = s.lease(t)
			return now.Term > before.Term || now.Beat > before.Beat+2
		})
		if now.Term > before.Term {
			return i
		}
		must(t, n.process.Signal("CONT"))
	}
	t.Fatal("no node seals")
	return 0
}

// takenOver fails unless the other node takes over sealing after stop.
func (s *sealingNodes) takenOver(t *testing.T, after string, stop func()) {
	t.Helper()
	before, began := s.lease(t), time.Now()
	stop()
	waitFor(t, "another node seals after "+after, func() bool { return s.lease(t).Term > before.Term })
	t.Logf("another node seals %v after %s", time.Since(began).Round(10*time.Millisecond), after)
}

// wantSealed writes an entry through the node, waits until every entry is sealed, and verifies the log.
func (s *sealingNodes) wantSealed(t *testing.T, n *node, admin string) {
	t.Helper()
	if a, err := n.call(t.Context(), "", http.MethodPost, "/auth/login", login(rand.Text(), userPassword)); err != nil ||
		a.status != http.StatusUnauthorized {
		t.Fatalf("a refused sign-in = %d, %v", a.status, err)
	}
	waitFor(t, "every entry is sealed", func() bool {
		left, err := s.db.Collection("audit").CountDocuments(t.Context(), bson.M{"seq": 0})
		return err == nil && left == 0
	})
	report := n.must(t, http.StatusOK, admin, http.MethodPost, "/audit/verify", "{}")
	if report.object["damage"] != nil {
		t.Errorf("the log does not verify: %v", report.object)
	}
}

// TestAnotherNodeSealsWhenTheSealingNodeStops: the node that seals is paused (SIGSTOP) and continues, its successor
// loses the database and finds it again, and the next one is killed (SIGKILL).
func TestAnotherNodeSealsWhenTheSealingNodeStops(t *testing.T) {
	t.Parallel()
	s := newSealingNodes(t)
	admin := s.nodes[0].signIn(t, adminName, adminPassword)
	s.wantSealed(t, s.nodes[0], admin)

	paused := s.pauseLeader(t)
	one, other := s.nodes[paused], s.nodes[1-paused]
	s.wantSealed(t, other, admin)
	term := s.lease(t).Term
	must(t, one.process.Signal("CONT"))
	s.wantSealed(t, one, admin)
	if now := s.lease(t).Term; now != term {
		t.Errorf("the paused node took the lease back: term %d, want %d", now, term)
	}

	s.takenOver(t, "the loss of the database", func() { s.proxies[1-paused].Silent.Store(true) })
	s.wantSealed(t, one, admin)
	s.proxies[1-paused].Heal()
	s.proxies[1-paused].Cut() // half-open connections are found out by the driver otherwise, which takes seconds
	waitFor(t, "the node is ready again", func() bool {
		a, err := other.call(t.Context(), admin, http.MethodGet, "/auth/verify", "")
		return err == nil && a.status == http.StatusOK
	})
	s.wantSealed(t, other, admin)

	s.takenOver(t, "the end of the process", func() { must(t, one.process.Kill()) })
	s.wantSealed(t, other, admin)
	s.wantFewSegments(t)
}

// wantFewSegments checks that there is at most one segment for each renewal of the lease.
func (s *sealingNodes) wantFewSegments(t *testing.T) {
	t.Helper()
	n, err := s.db.Collection("segments").CountDocuments(t.Context(), bson.M{"_id": bson.M{"$gt": 0}})
	if beats := s.lease(t).Beat; err != nil || n == 0 || n > beats {
		t.Errorf("%d segments for %d renewals of the lease, %v", n, beats, err)
	}
}

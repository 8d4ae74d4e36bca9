package mongostore_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

func servers(t *testing.T) map[string]*mongotap.Server {
	t.Helper()
	return map[string]*mongotap.Server{"a single server": mongotap.Start(t), "a replica set": newSet(t)}
}

func TestProbesShareOneWrite(t *testing.T) {
	t.Parallel()
	for name, server := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := leased(t, server, server.URI(), time.Hour)
			server.Forget()
			var probes sync.WaitGroup
			for range 20 {
				probes.Go(func() {
					for range 50 {
						if err := s.Ping(t.Context()); err != nil {
							t.Error(err)
						}
					}
				})
			}
			probes.Wait()
			var sent []string
			for _, c := range server.Commands() {
				if c.Collection != "nodes" { // what a node renews periodically
					sent = append(sent, c.Name+" "+c.Collection)
				}
			}
			if len(sent) != 1 || sent[0] != "update meta" {
				t.Errorf("1000 probes sent %v, want one write", sent)
			}
		})
	}
}

func TestProbeFailsOnceItsEvidenceIsOld(t *testing.T) {
	t.Parallel()
	for name, server := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := leased(t, server, server.URI(), 100*time.Millisecond)
			if err := s.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			server.Inject(mongotap.Fault{Command: "update", Collection: "meta", Times: 1e6, Do: mongotap.WriteConcernFailed()})
			deadline := time.Now().Add(10 * time.Second)
			for !errors.Is(s.Ping(t.Context()), fault.ErrStorage) {
				if time.Now().After(deadline) {
					t.Fatal("the store is still ready, and no majority accepts a write")
				}
			}
			server.ClearFaults()
			if err := s.Ping(t.Context()); err != nil {
				t.Errorf("Ping after the outage = %v", err)
			}
		})
	}
}

func TestSweepRemovesHoldsOfCrashedNodes(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	now := newClock()
	s := openOwn(t, server, func(c *mongostore.Config) { c.Clock = now })
	catalog := rawDatabase(t, server).Collection("catalog")
	hold := func(id string) {
		t.Helper()
		_, err := catalog.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "role:user"}}, bson.D{
			{Key: "$push", Value: bson.D{{Key: "holds", Value: bson.D{
				{Key: "id", Value: id}, {Key: "at", Value: now.Now().UnixNano()},
			}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	hold("orphaned")
	now.advance(time.Hour)
	hold("in use")
	if err := s.SweepExpired(t.Context(), now.Now()); err != nil {
		t.Fatal(err)
	}
	var role struct {
		Holds []struct {
			ID string `bson:"id"`
		} `bson:"holds"`
	}
	if err := catalog.FindOne(t.Context(), bson.D{{Key: "_id", Value: "role:user"}}).Decode(&role); err != nil {
		t.Fatal(err)
	}
	if len(role.Holds) != 1 || role.Holds[0].ID != "in use" {
		t.Errorf("holds after the sweep: %+v, want only the one in use", role.Holds)
	}
}

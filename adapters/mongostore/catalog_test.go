package mongostore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// catalogReads counts the documents of roles, groups and settings that a node receives, and its round trips.
type catalogReads struct{ documents, trips atomic.Int64 }

func (r *catalogReads) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
		switch e.CommandName {
		case "find", "getMore", "aggregate":
			r.trips.Add(1)
			// Of all documents, only those of the catalog have these IDs.
			text := e.Reply.String()
			for _, prefix := range []string{`{"_id": "group:`, `{"_id": "role:`, `{"_id": "settings"`} {
				r.documents.Add(int64(strings.Count(text, prefix)))
			}
		}
	}}
}

func (r *catalogReads) reset() { r.documents.Store(0); r.trips.Store(0) }

// twoNodes returns two stores on one database with many groups. The reads of the second are counted.
func twoNodes(t *testing.T, server *mongod.Server, groups int, change func(*mongostore.Config)) (one,
	other *mongostore.Store, reads *catalogReads, db *mongo.Database,
) {
	t.Helper()
	reads = &catalogReads{}
	one, name := openMongo(t, server, func(c *mongostore.Config) { c.Timeout = time.Minute; change(c) })
	db = server.Client(t).Database(name)
	var docs []any
	for i := range groups {
		id := fmt.Sprintf("grp_%06d", i)
		doc := bson.D{
			{Key: "id", Value: id},
			{Key: "name", Value: "group " + id},
			{Key: "description", Value: ""},
			{Key: "namekey", Value: "group " + id},
			{Key: "permissions", Value: bson.A{"bots.use"}},
			{Key: "createdat", Value: int64(0)},
			{Key: "updatedat", Value: int64(0)},
		}
		docs = append(docs,
			bson.D{{Key: "_id", Value: "group:" + id}, {Key: "v", Value: int64(1)}, {Key: "doc", Value: doc}})
	}
	if _, err := db.Collection("catalog").InsertMany(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	other, err := mongostore.Open(t.Context(), func() mongostore.Config {
		c := mongostore.Config{
			URI: server.URI(), Database: name, Clock: newClock(), NoTTL: true, Timeout: time.Minute, Monitor: reads.monitor(),
		}
		change(&c)
		return c
	}())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	catalogOf(t, one)
	if n := catalogOf(t, other).Groups.Len(); n != groups {
		t.Fatalf("the catalog has %d groups, want %d", n, groups)
	}
	return one, other, reads, db
}

func catalogOf(t *testing.T, s *mongostore.Store) *domain.Catalog {
	t.Helper()
	catalog, err := s.CatalogStore().Catalog(t.Context())
	must(t, err)
	return catalog
}

func describeGroup(t *testing.T, s *mongostore.Store, id domain.GroupID, text string) {
	t.Helper()
	_, err := s.Groups().Update(t.Context(), id, func(g *domain.Group, _ *domain.Outbox) error {
		g.Description = text
		return nil
	})
	must(t, err)
}

func descriptionOf(t *testing.T, s *mongostore.Store, id domain.GroupID) string {
	t.Helper()
	group, ok := catalogOf(t, s).Groups.Get(id)
	if !ok {
		return "absent"
	}
	return group.Description
}

func withoutLease(*mongostore.Config) {}

// TestChangeOfACatalogReadsWhatChanged changes a catalog of 300 groups on one node and counts the documents that the
// other reads.
func TestChangeOfACatalogReadsWhatChanged(t *testing.T) {
	t.Parallel()
	one, other, reads, _ := twoNodes(t, mongod.Shared(t), 300, withoutLease)
	role := domain.Role{ID: "clerk", Identifier: "0000abcd", Name: "Clerk", Level: 40}
	for name, step := range map[string]struct {
		change func() error
		want   int64 // documents
	}{
		"a group": {func() error { describeGroup(t, one, "grp_000007", "changed"); return nil }, 1},
		"a new group": {func() error {
			return one.Groups().Create(t.Context(), domain.Group{ID: "grp_new", Name: "New"}, domain.Outbox{})
		}, 1},
		"a deleted group": {func() error { return one.Groups().Delete(t.Context(), "grp_000008", domain.Outbox{}) }, 0},
		"a new role":      {func() error { return one.Roles().Create(t.Context(), role, domain.Outbox{}) }, 1},
		"the settings": {func() error {
			_, err := one.CatalogStore().UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
				x.Password.MinLength = 17
				return nil
			})
			return err
		}, 1},
		"nothing": {func() error { return nil }, 0},
	} {
		must(t, step.change())
		reads.reset()
		catalogOf(t, other)
		if got := reads.documents.Load(); got != step.want || reads.trips.Load() > 3 {
			t.Errorf("%s: the other node read %d documents in %d round trips, want %d in at most 3", name, got,
				reads.trips.Load(), step.want)
		}
	}
	after := catalogOf(t, other)
	_, deleted := after.Groups.Get("grp_000008")
	_, created := after.Groups.Get("grp_new")
	if deleted || !created || after.Role("clerk").Name != "Clerk" || after.Settings.Password.MinLength != 17 ||
		descriptionOf(t, other, "grp_000007") != "changed" || after.Groups.Len() != 300 {
		t.Errorf("the other node has another catalog: %d groups", after.Groups.Len())
	}
}

// TestNodeThatMissedChangesReadsTheWholeCatalog tests more changes than the head lists, and a change by a version of
// the program that does not list changes.
func TestNodeThatMissedChangesReadsTheWholeCatalog(t *testing.T) {
	t.Parallel()
	one, other, reads, db := twoNodes(t, mongod.Shared(t), 20, withoutLease)
	for i := range 130 {
		describeGroup(t, one, "grp_000003", fmt.Sprint("change ", i))
	}
	describeGroup(t, one, "grp_000004", "last")
	reads.reset()
	if got := descriptionOf(t, other, "grp_000003") + ", " + descriptionOf(t, other, "grp_000004"); got !=
		"change 129, last" {
		t.Errorf("after 131 changes: %s", got)
	}
	if got := reads.documents.Load(); got < 20 {
		t.Errorf("the node read %d documents, want all", got)
	}
	head, next := bson.D{{Key: "_id", Value: "_head"}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}
	_, err := db.Collection("catalog").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "group:grp_000005"}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "doc.description", Value: "by an earlier version"}}}})
	must(t, err)
	_, err = db.Collection("catalog").UpdateOne(t.Context(), head, next)
	must(t, err)
	describeGroup(t, one, "grp_000006", "later")
	if got := descriptionOf(t, other, "grp_000005") + ", " + descriptionOf(t, other, "grp_000006"); got !=
		"by an earlier version, later" {
		t.Errorf("after a change by an earlier version: %s", got)
	}
}

// TestSweeperListsAnInterruptedChange writes a group as a node that crashes before it increments the version.
func TestSweeperListsAnInterruptedChange(t *testing.T) {
	t.Parallel()
	_, other, reads, db := twoNodes(t, mongod.Shared(t), 300, withoutLease)
	old := newClock().Now().Add(-time.Hour).UnixNano()
	_, err := db.Collection("catalog").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "group:grp_000009"}}, bson.D{
		{Key: "$set", Value: bson.D{
			{Key: "doc.description", Value: "interrupted"},
			{Key: "outbox", Value: bson.A{
				bson.D{{Key: "id", Value: "bump"}, {Key: "at", Value: old}, {Key: "bump", Value: true}},
				bson.D{{Key: "id", Value: "stale"}, {Key: "at", Value: old}, {Key: "stale", Value: true}},
			}},
		}},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: 1}}},
	})
	must(t, err)
	must(t, other.FinishOutboxes(t.Context()))
	reads.reset()
	if got := descriptionOf(t, other, "grp_000009"); got != "interrupted" || reads.documents.Load() > 1 {
		t.Errorf("the description is %q, after %d documents; want the interrupted change and 1", got, reads.documents.Load())
	}
}

// TestVerifyDoesNotReadTheCatalog changes groups on one node while the other verifies a session from memory: no
// verification reads a document of the catalog, and each acknowledged change is in effect.
func TestVerifyDoesNotReadTheCatalog(t *testing.T) {
	t.Parallel()
	for name, start := range mongod.Kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other, reads, _ := twoNodes(t, start(t), 300, func(c *mongostore.Config) {
				c.Lease, c.Clock = 5*time.Second, realClock{}
			})
			startSession(t, one)
			warmUp(t, other, reads)
			for i := range 20 {
				text := fmt.Sprint("change ", i)
				describeGroup(t, one, "grp_000001", text)
				reads.reset()
				live, err := other.View().Lookup(t.Context(), "sess_1")
				must(t, err)
				catalog, err := other.CatalogStore().CatalogAt(t.Context(), live.Catalog)
				must(t, err)
				if group, _ := catalog.Groups.Get("grp_000001"); group.Description != text {
					t.Fatalf("after an acknowledged change: %q, want %q", group.Description, text)
				}
				if n := reads.documents.Load(); n > 0 {
					t.Errorf("a verification read %d documents of the catalog", n)
				}
			}
		})
	}
}

// TestUnpublishedChangeDoesNotDelayVerify writes a group and the version as a node that crashes before it publishes the
// change. A verification that is not answered from memory finds the new version; those that are do not wait for it.
func TestUnpublishedChangeDoesNotDelayVerify(t *testing.T) {
	t.Parallel()
	one, other, reads, db := twoNodes(t, mongod.Shared(t), 10, func(c *mongostore.Config) {
		c.Lease, c.Clock = 5*time.Second, realClock{}
	})
	startSession(t, one)
	warmUp(t, other, reads)
	version := catalogOf(t, other).Version
	_, err := db.Collection("catalog").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "_head"}}, bson.D{
		{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}, {Key: "listed", Value: 1}}},
		{Key: "$push", Value: bson.D{{Key: "recent", Value: "group:grp_000001"}}},
	})
	must(t, err)
	list(t, one, "sess_2") // the next verification reads the user and the version again
	warmUp(t, other, reads)
	live, err := other.View().Lookup(t.Context(), "sess_1")
	must(t, err)
	if live.Catalog != version {
		t.Errorf("a verification from memory needs version %d of the catalog, want %d", live.Catalog, version)
	}
}

// TestCatalogsOfTwoNodesAgree races changes of groups on two nodes. Each node sees every change that was acknowledged
// before it reads the catalog, and both end with the same groups.
func TestCatalogsOfTwoNodesAgree(t *testing.T) {
	t.Parallel()
	one, other, _, _ := twoNodes(t, mongod.Shared(t), 10, func(c *mongostore.Config) {
		c.Lease, c.Clock = 5*time.Second, realClock{}
	})
	nodes := []*mongostore.Store{one, other}
	var all sync.WaitGroup
	for w := range 6 {
		all.Go(func() {
			id := domain.GroupID(fmt.Sprint("grp_race", w))
			for i := range 15 {
				from, to := nodes[(w+i)%2], nodes[(w+i+1)%2]
				err := from.Groups().Create(t.Context(), domain.Group{ID: id, Name: string(id), Description: strconv.Itoa(i)},
					domain.Outbox{})
				if errors.Is(err, domain.ErrGroupExists) {
					t.Errorf("a deleted group remains: %v", err)
					return
				}
				must(t, err)
				if got := descriptionOf(t, to, id); got != strconv.Itoa(i) {
					t.Errorf("a new group is %q on the other node, want %d", got, i)
				}
				describeGroup(t, to, id, "changed")
				if got := descriptionOf(t, from, id); got != "changed" {
					t.Errorf("a changed group is %q on the other node", got)
				}
				must(t, from.Groups().Delete(t.Context(), id, domain.Outbox{}))
				if got := descriptionOf(t, to, id); got != "absent" {
					t.Errorf("a deleted group is %q on the other node", got)
				}
			}
		})
	}
	all.Wait()
	for i, node := range nodes {
		if n := catalogOf(t, node).Groups.Len(); n != 10 {
			t.Errorf("node %d has %d groups, want 10", i, n)
		}
	}
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

// startSession stores the user ada with a session that is active now.
func startSession(t *testing.T, s *mongostore.Store) {
	t.Helper()
	must(t, s.Users().Create(t.Context(), ada(), domain.Outbox{}))
	x := session("sess_1")
	x.LastActivity, x.ExpiresAt = time.Now(), time.Now().Add(time.Hour)
	must(t, s.Sessions().Create(t.Context(), x))
	list(t, s, "sess_1")
}

func verifySession(t *testing.T, s *mongostore.Store) {
	t.Helper()
	live, err := s.View().Lookup(t.Context(), "sess_1")
	must(t, err)
	must(t, s.View().Touch(t.Context(), "sess_1", time.Now()))
	_, err = s.CatalogStore().CatalogAt(t.Context(), live.Catalog)
	must(t, err)
}

// warmUp verifies the session until the node has its lease and has cached the session.
func warmUp(t *testing.T, s *mongostore.Store, reads *catalogReads) {
	t.Helper()
	for n := 0; n < 3; n++ {
		verifySession(t, s)
		reads.reset()
		if verifySession(t, s); reads.trips.Load() > 0 {
			n = -1
		}
	}
}

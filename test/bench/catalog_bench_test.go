package bench_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

// catalogNode is what a node uses of its store to change a group and to verify a session.
type catalogNode struct {
	groups  ports.GroupStore
	view    ports.SessionView
	catalog ports.CatalogView
}

// systemClock is the time of the machine: leases and the activity of cached sessions need it.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

const (
	catalogLimit   = 5.0 // milliseconds
	catalogSession = domain.SessionID("sess_catalog")
)

// BenchmarkCatalogChange measures the change of one group among many, and the verification that follows it on the same
// node and on another one. The other node of MongoDB verifies from memory under a lease: the change waits for it.
func BenchmarkCatalogChange(b *testing.B) {
	for _, groups := range []int{1_000, 50_000} {
		name := fmt.Sprintf("%d groups", groups)
		b.Run(name+"/SQLite", func(b *testing.B) {
			node := sqliteCatalog(b, groups)
			measureCatalog(b, "SQLite, "+name, node, node)
		})
		for kind, start := range mongod.Kinds() {
			b.Run(name+"/MongoDB, "+kind, func(b *testing.B) {
				one, other := mongoCatalog(b, start(b), groups)
				measureCatalog(b, "MongoDB, "+kind+", "+name, one, other)
			})
		}
	}
}

// measureCatalog reports the processor time of both nodes for a change, without that of the database, and medians. How
// long a change takes depends on the database, and on how soon the other node learns of it.
func measureCatalog(b *testing.B, name string, one, other catalogNode) {
	b.Helper()
	for range 50 { // leases begin, and the session is cached
		verifyCatalog(b, one)
		verifyCatalog(b, other)
		time.Sleep(10 * time.Millisecond)
	}
	var changes, same, others []time.Duration
	began := cpuTime(b)
	for b.Loop() {
		text := fmt.Sprint("change ", len(changes))
		changes = append(changes, timed(func() { changeGroup(b, one, text) }))
		same = append(same, timed(func() { verifyCatalog(b, one) }))
		others = append(others, timed(func() {
			if group, _ := verifyCatalog(b, other).Groups.Get("grp_000007"); group.Description != text {
				b.Fatalf("the other node has %q, want %q", group.Description, text)
			}
		}))
	}
	spent := (cpuTime(b) - began).Seconds() * 1000 / float64(len(changes))
	withLimit(b, name+": change", spent, catalogLimit, "cpu-ms")
	b.ReportMetric(inMilliseconds(changes, 50), "ms-change")
	withLimit(b, name+": verify after it", inMilliseconds(same, 50), catalogLimit, "ms-same")
	withLimit(b, name+": verify on another node", inMilliseconds(others, 50), catalogLimit, "ms-other")
	b.ReportMetric(float64(slices.Max(others).Microseconds())/1000, "ms-other-max")
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func changeGroup(b *testing.B, node catalogNode, text string) {
	b.Helper()
	_, err := node.groups.Update(b.Context(), "grp_000007", func(g *domain.Group, _ *domain.Outbox) error {
		g.Description = text
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func verifyCatalog(b *testing.B, node catalogNode) *domain.Catalog {
	b.Helper()
	live, err := node.view.Lookup(b.Context(), catalogSession)
	if err != nil {
		b.Fatal(err)
	}
	if err := node.view.Touch(b.Context(), catalogSession, time.Now()); err != nil {
		b.Fatal(err)
	}
	catalog, err := node.catalog.CatalogAt(b.Context(), live.Catalog)
	if err != nil {
		b.Fatal(err)
	}
	return catalog
}

func catalogGroup(i int) domain.Group {
	id := fmt.Sprintf("grp_%06d", i)
	return domain.Group{
		ID: domain.GroupID(id), Name: "Group " + id, NameKey: "group " + id,
		Permissions: []domain.Permission{"bots.use", "reports.read"}, CreatedAt: firstUser, UpdatedAt: firstUser,
	}
}

func addCatalogUser(b *testing.B, users ports.UserStore, sessions ports.SessionStore) {
	b.Helper()
	ref := domain.SessionRef{ID: catalogSession, ExpiresAt: time.Now().Add(time.Hour)}
	user := domain.User{
		ID: "usr_catalog", Identifier: "0000000c", Username: "ada", UsernameKey: "ada", Role: domain.RoleUser,
		Status: domain.StatusActive, Sessions: []domain.SessionRef{ref}, CreatedAt: firstUser, UpdatedAt: firstUser,
	}
	if err := users.Create(b.Context(), user, domain.Outbox{}); err != nil {
		b.Fatal(err)
	}
	err := sessions.Create(b.Context(), domain.Session{
		ID: catalogSession, UserID: user.ID, CreatedAt: firstUser, LastActivity: time.Now(), ExpiresAt: ref.ExpiresAt,
	})
	if err != nil {
		b.Fatal(err)
	}
}

func sqliteCatalog(b *testing.B, groups int) catalogNode {
	b.Helper()
	k := kit.New(b)
	next := make(chan int)
	var all sync.WaitGroup
	for range 64 { // they share commits
		all.Go(func() {
			for i := range next {
				if err := k.Store.Groups().Create(b.Context(), catalogGroup(i), domain.Outbox{}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range groups {
		next <- i
	}
	close(next)
	all.Wait()
	addCatalogUser(b, k.Store.Users(), k.Store.Sessions())
	return catalogNode{k.Store.Groups(), k.Store.View(), k.Store.CatalogStore()}
}

func mongoCatalog(b *testing.B, server *mongod.Server, groups int) (one, other catalogNode) {
	b.Helper()
	database := server.Database(b)
	open := func() *mongostore.Store {
		s, err := mongostore.Open(b.Context(), mongostore.Config{
			URI: server.URI(), Database: database, Clock: systemClock{}, NoTTL: true, Timeout: time.Minute,
			Lease: 2 * time.Second,
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Close(context.WithoutCancel(b.Context())) })
		return s
	}
	first := open()
	var docs []any
	for i := range groups { // as the store writes them, at once
		g := catalogGroup(i)
		docs = append(docs, bson.D{{Key: "_id", Value: "group:" + string(g.ID)}, {Key: "v", Value: int64(1)}, {
			Key: "doc", Value: bson.D{
				{Key: "id", Value: g.ID},
				{Key: "name", Value: g.Name},
				{Key: "namekey", Value: g.NameKey},
				{Key: "description", Value: ""},
				{Key: "permissions", Value: g.Permissions},
				{Key: "createdat", Value: g.CreatedAt.UnixNano()},
				{Key: "updatedat", Value: g.UpdatedAt.UnixNano()},
			},
		}})
	}
	if _, err := server.Client(b).Database(database).Collection("catalog").InsertMany(b.Context(), docs); err != nil {
		b.Fatal(err)
	}
	addCatalogUser(b, first.Users(), first.Sessions())
	node := func(s *mongostore.Store) catalogNode { return catalogNode{s.Groups(), s.View(), s.CatalogStore()} }
	return node(first), node(open())
}

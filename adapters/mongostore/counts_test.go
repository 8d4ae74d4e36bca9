package mongostore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

const manyUsers = domain.ExactTotal + 50

// openMany opens a store with manyUsers users, of which one is a superuser.
func openMany(t *testing.T, server *mongod.Server, change func(*mongostore.Config)) *mongostore.Store {
	t.Helper()
	config := mongostore.Config{
		URI: server.URI(), Database: server.Database(t), Clock: newClock(), NoTTL: true, Timeout: patience,
	}
	change(&config)
	s, err := mongostore.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	docs := make([]any, manyUsers)
	for i := range docs {
		id, role := fmt.Sprintf("usr_%06d", i), domain.RoleUser
		if i == 0 {
			role = domain.RoleSudo
		}
		docs[i] = bson.D{{Key: "_id", Value: id}, {Key: "v", Value: int64(1)}, {Key: "doc", Value: bson.D{
			{Key: "id", Value: id},
			{Key: "username", Value: id},
			{Key: "usernamekey", Value: id},
			{Key: "role", Value: role},
			{Key: "createdat", Value: newClock().Now().UnixNano()},
		}}}
	}
	journaled := true
	users := server.Client(t).Database(config.Database).Collection("users",
		options.Collection().SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journaled}))
	if _, err := users.InsertMany(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	return s
}

// waitForTotals lists users until the total is no estimate, and checks every total that is not one.
func waitForTotals(t *testing.T, s *mongostore.Store) {
	t.Helper()
	for exclude, want := range map[domain.RoleID]int64{"": manyUsers, domain.RoleSudo: manyUsers - 1} {
		for estimated := true; estimated; {
			page, err := s.Users().List(t.Context(), domain.UserQuery{
				ExcludeRole: exclude, Page: domain.Page{Number: 1, Limit: 1},
			})
			if err != nil {
				t.Fatal(err)
			}
			if estimated = page.TotalEstimated; !estimated && page.Total != want {
				t.Errorf("without role %q: total %d, want %d", exclude, page.Total, want)
			}
		}
	}
}

func TestTotalsAreExactAfterCrashOfSingleServer(t *testing.T) {
	t.Parallel()
	server := mongod.Start(t)
	var database string
	s := openMany(t, server, func(c *mongostore.Config) { database = c.Database })
	waitForTotals(t, s)
	server.Members[0].Kill(t)
	server.Members[0].Restart(t)
	waitForTotals(t, s)
	n, err := server.Client(t).Database(database).Collection("users").EstimatedDocumentCount(t.Context())
	if err != nil || n == manyUsers {
		t.Logf("the server's own number is right after all: %d, %v", n, err)
	}
	audit, err := s.Audit().List(t.Context(), domain.AuditQuery{Page: domain.Page{Number: 1, Limit: 1}})
	if err != nil || audit.Total != 0 {
		t.Errorf("the audit log has %d entries, %v; want none", audit.Total, err)
	}
}

func TestWholeListOfUsersTakesFewQueries(t *testing.T) {
	t.Parallel()
	var commands atomic.Int64
	s := openMany(t, mongod.Shared(t), func(c *mongostore.Config) {
		c.Monitor = &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
			if e.CommandName == "find" || e.CommandName == "getMore" || e.CommandName == "aggregate" {
				commands.Add(1)
			}
		}}
	})
	commands.Store(0)
	users := 0
	query := domain.UserQuery{ExcludeRole: domain.RoleSudo, Sort: domain.SortCreated}
	for _, err := range ports.AllUsers(t.Context(), s.Users(), query) {
		if err != nil {
			t.Fatal(err)
		}
		users++
	}
	if users != manyUsers-1 || commands.Load() > 6 {
		t.Errorf("%d commands for %d users, want %d users in at most 6", commands.Load(), users, manyUsers-1)
	}
}

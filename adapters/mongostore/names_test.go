package mongostore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// openNodes opens two nodes on one database.
func openNodes(t *testing.T, server *mongod.Server) (nodes [2]*mongostore.Store, database string) {
	t.Helper()
	database = server.Database(t)
	for i := range nodes {
		s, err := mongostore.Open(t.Context(), mongostore.Config{
			URI: server.URI(), Database: database, Clock: newClock(), NoTTL: true, Timeout: patience,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
		nodes[i] = s
	}
	return nodes, database
}

func named(id, username, email string) domain.User {
	u := ada()
	u.ID, u.Identifier = domain.UserID(id), id
	u.Username, u.UsernameKey, u.Email, u.EmailKey = username, username, email, email
	return u
}

// TestNodesRaceUsernameAgainstEmail: of two nodes, one gives a user the name as username and the other as e-mail
// address, to a new user or to an existing one.
func TestNodesRaceUsernameAgainstEmail(t *testing.T) {
	t.Parallel()
	for kind, start := range mongod.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			nodes, _ := openNodes(t, start(t))
			for round := range 60 {
				name := fmt.Sprintf("wanted%d@example.org", round)
				a, b := named(fmt.Sprint("a", round), name, fmt.Sprint("a", round)), named(fmt.Sprint("b", round),
					fmt.Sprint("b", round), name)
				first := func() error { return nodes[0].Users().Create(t.Context(), a, domain.Outbox{}) }
				second := func() error { return nodes[1].Users().Create(t.Context(), b, domain.Outbox{}) }
				if round%2 == 1 {
					before := b
					before.Email, before.EmailKey = "", ""
					if err := nodes[1].Users().Create(t.Context(), before, domain.Outbox{}); err != nil {
						t.Fatal(err)
					}
					second = func() error {
						_, err := nodes[1].Users().Update(t.Context(), b.ID, func(u *domain.User, _ *domain.Outbox) error {
							u.Email, u.EmailKey = name, name
							return nil
						})
						return err
					}
				}
				if won := winners(t, first, second); won != 1 {
					t.Errorf("round %d: %d users got the name, want one", round, won)
				}
			}
		})
	}
}

func winners(t *testing.T, attempts ...func() error) int {
	t.Helper()
	errs := make([]error, len(attempts))
	var racing sync.WaitGroup
	for i, attempt := range attempts {
		racing.Go(func() { errs[i] = attempt() })
	}
	racing.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, domain.ErrUserExists):
			t.Error(err)
		}
	}
	return won
}

// TestNodeOfEarlierVersionRenamesUsers: such a node does not write names. The former name is free again, the new one is
// taken, and both users remain usable.
func TestNodeOfEarlierVersionRenamesUsers(t *testing.T) {
	t.Parallel()
	server := mongod.Shared(t)
	nodes, database := openNodes(t, server)
	renameByOlderNode := func(id, from, to string) {
		t.Helper()
		result, err := server.Client(t).Database(database).Collection("users").UpdateOne(t.Context(),
			bson.D{{Key: "_id", Value: id}, {Key: "doc.usernamekey", Value: from}}, bson.D{
				{Key: "$set", Value: bson.D{{Key: "doc.username", Value: to}, {Key: "doc.usernamekey", Value: to}}},
				{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
			})
		if err != nil || result.ModifiedCount != 1 {
			t.Fatalf("renaming %s: %+v, %v", id, result, err)
		}
	}
	create := func(node int, u domain.User) error {
		return nodes[node].Users().Create(t.Context(), u, domain.Outbox{})
	}
	must(t, create(0, named("u1", "first", "first@example.org")))
	renameByOlderNode("u1", "first", "renamed")
	if field := takenFieldOf(create(1, named("u2", "other", "renamed"))); field != "email" {
		t.Errorf("the name that the older node gave is free as an e-mail address: field %q", field)
	}
	must(t, create(1, named("u2", "first", "second@example.org")))
	if field := takenFieldOf(create(0, named("u3", "first@example.org", ""))); field != "username" {
		t.Errorf("the name that the user kept is free: field %q", field)
	}
	renameByOlderNode("u2", "first", "again")
	_, err := nodes[0].Users().Update(t.Context(), "u1", func(u *domain.User, _ *domain.Outbox) error {
		u.Username, u.UsernameKey = "first", "first"
		return nil
	})
	must(t, err)
	for id, name := range map[domain.UserID]string{"u1": "first", "u2": "again"} {
		found, err := nodes[1].Users().FindByLogin(t.Context(), name)
		if err != nil || found.ID != id {
			t.Errorf("%s finds %q, %v; want %s", name, found.ID, err, id)
		}
	}
}

func takenFieldOf(err error) string {
	if !errors.Is(err, domain.ErrUserExists) || len(fault.Of(err).Details()) != 1 {
		return fmt.Sprint(err)
	}
	return fault.Of(err).Details()[0].Field
}

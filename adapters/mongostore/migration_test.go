package mongostore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// slowMigration is a database of an earlier version on a server that does not complete the build of an index until
// finish is called.
type slowMigration struct {
	server *mongod.Server
	name   string
	db     *mongo.Database
	clock  *clock
}

func newSlowMigration(t *testing.T) *slowMigration {
	t.Helper()
	server := mongod.Start(t, "--setParameter", "enableTestCommands=1")
	m := &slowMigration{server: server, name: server.NewDatabase(t), clock: newClock()}
	m.db = server.Client(t).Database(m.name)
	if err := m.open(t.Context(), time.Minute, nil); err != nil {
		t.Fatal(err)
	}
	users := m.db.Collection("users")
	if _, err := users.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "usr_1"}}); err != nil {
		t.Fatal(err)
	}
	if err := users.Indexes().DropOne(t.Context(), "uniq_names"); err != nil {
		t.Fatal(err)
	}
	m.setSchema(t, bson.D{{Key: "version", Value: 3}})
	m.failPoint(t, "alwaysOn")
	return m
}

func (m *slowMigration) failPoint(t *testing.T, mode string) {
	t.Helper()
	m.server.Members[0].Command(t, bson.D{
		{Key: "configureFailPoint", Value: "hangAfterStartingIndexBuild"}, {Key: "mode", Value: mode},
	})
}

func (m *slowMigration) finish(t *testing.T) { t.Helper(); m.failPoint(t, "off") }

func (m *slowMigration) setSchema(t *testing.T, set bson.D) {
	t.Helper()
	_, err := m.db.Collection("meta").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "schema"}},
		bson.D{{Key: "$set", Value: set}})
	if err != nil {
		t.Fatal(err)
	}
}

// open opens and closes a store. report is called with each report of the migration; the first has the number 1.
func (m *slowMigration) open(ctx context.Context, timeout time.Duration, report func(number int)) error {
	reports := 0
	config := mongostore.Config{
		URI: m.server.URI(), Database: m.name, Clock: m.clock, NoTTL: true, Timeout: timeout,
		Migrating: func(string, int, int, time.Duration) {
			if reports++; report != nil {
				report(reports)
			}
		},
	}
	config.RenewSchemaEvery(20 * time.Millisecond)
	s, err := mongostore.Open(ctx, config)
	if err != nil {
		return err
	}
	return s.Close(context.WithoutCancel(ctx))
}

func (m *slowMigration) wantMigrated(t *testing.T) {
	t.Helper()
	specs, err := m.db.Collection("users").Indexes().ListSpecifications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range specs {
		if spec.Name == "uniq_names" {
			return
		}
	}
	t.Errorf("the index is not there: %d others", len(specs))
}

// TestMigrationTakesLongerThanItsLease builds an index for longer than the timeout of a call, and than the lease of the
// schema by the clock of the nodes.
func TestMigrationTakesLongerThanItsLease(t *testing.T) {
	t.Parallel()
	m := newSlowMigration(t)
	const timeout = 2 * time.Second
	began := time.Now()
	finished := false
	err := m.open(t.Context(), timeout, func(int) {
		if finished || time.Since(began) <= 2*timeout {
			m.clock.advance(time.Minute)
			return
		}
		finished = true
		var schema struct {
			Until int64 `bson:"until"`
		}
		err := m.db.Collection("meta").FindOne(t.Context(), bson.D{{Key: "_id", Value: "schema"}}).Decode(&schema)
		if err != nil || schema.Until <= m.clock.Now().UnixNano() {
			t.Errorf("the lease of the schema ended at %d, %v", schema.Until, err)
		}
		m.finish(t)
	})
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	m.wantMigrated(t)
}

func TestInterruptedMigrationContinuesAtNextStart(t *testing.T) {
	t.Parallel()
	m := newSlowMigration(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	err := m.open(ctx, time.Minute, func(number int) {
		if number == 5 {
			interrupt()
		}
	})
	if err == nil {
		t.Fatal("Open succeeded although it was interrupted")
	}
	m.finish(t)
	m.clock.advance(10 * time.Minute) // the interrupted node may hold its lease
	if err := m.open(t.Context(), time.Minute, nil); err != nil {
		t.Fatalf("the next start: %v", err)
	}
	m.wantMigrated(t)
}

func TestMigrationStopsWhenAnotherNodeTakesOver(t *testing.T) {
	t.Parallel()
	m := newSlowMigration(t)
	err := m.open(t.Context(), time.Minute, func(number int) {
		if number == 3 {
			m.setSchema(t, bson.D{{Key: "holder", Value: "another"}})
		}
	})
	if err == nil || !strings.Contains(err.Error(), "took over") {
		t.Errorf("Open = %v, want that another node took over", err)
	}
	m.finish(t)
}

func TestWaitForMigrationOfAnotherNodeIsReported(t *testing.T) {
	t.Parallel()
	m := newSlowMigration(t)
	m.finish(t)
	m.setSchema(t, bson.D{
		{Key: "holder", Value: "another"}, {Key: "until", Value: m.clock.Now().Add(time.Minute).UnixNano()},
	})
	var steps []string
	config := mongostore.Config{URI: m.server.URI(), Database: m.name, Clock: m.clock, NoTTL: true, Timeout: patience}
	config.RenewSchemaEvery(time.Second)
	config.Migrating = func(step string, number, of int, _ time.Duration) {
		steps = append(steps, fmt.Sprintf("%s %d/%d", step, number, of))
		m.clock.advance(10 * time.Minute) // the lease of the other node ends
	}
	s, err := mongostore.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if len(steps) < 2 || !strings.HasPrefix(steps[0], "wait for another node") {
		t.Errorf("reports = %q, want the wait first, and then the step", steps)
	}
	m.wantMigrated(t)
}

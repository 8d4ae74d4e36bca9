package bench_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

// openNode opens a node on the database.
func openNode(b *testing.B, uri, database string, clock ports.Clock) *mongostore.Store {
	b.Helper()
	s, err := mongostore.Open(b.Context(), mongostore.Config{
		URI: uri, Database: database, Clock: clock, Lease: mongostore.LeaseFor, Timeout: time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.WithoutCancel(b.Context())) })
	return s
}

// verifyRounds is the number of verifications in one measurement.
const verifyRounds = 20_000

// verifies returns the processor time of the process for each verification of an access token, on one node after the
// other.
func verifies(b *testing.B, token string, nodes ...*kit.Services) float64 {
	b.Helper()
	before := cpuTime(b)
	for i := range verifyRounds {
		node := nodes[i%len(nodes)]
		if _, err := node.Auth.Authenticate(b.Context(), token, kit.Origin); err != nil {
			b.Fatal(err)
		}
	}
	return float64(cpuTime(b)-before) / verifyRounds
}

// databaseTime returns the processor time of the primary.
func databaseTime(b *testing.B, server *mongod.Server) time.Duration {
	b.Helper()
	var status struct {
		Info struct {
			User   int64 `bson:"user_time_us"`
			System int64 `bson:"system_time_us"`
		} `bson:"extra_info"`
	}
	command := bson.D{{Key: "serverStatus", Value: 1}}
	if err := server.Client(b).Database("admin").RunCommand(b.Context(), command).Decode(&status); err != nil {
		b.Fatal(err)
	}
	return time.Duration(status.Info.User+status.Info.System) * time.Microsecond
}

// BenchmarkNodesVerify compares verifications on a warm node with those on the embedded store, and on three nodes with
// those on one, in alternating rounds of one run. The heartbeats of all nodes are included.
func BenchmarkNodesVerify(b *testing.B) {
	alone := kit.Start(b, kit.Options{})
	server := mongod.SharedSet(b)
	database, kek := server.Database(b), keyring.NewKey()
	nodes := make([]*kit.Services, 3)
	for i := range nodes {
		k := kit.Open(b, kit.Setup{Dir: b.TempDir(), Now: kit.Noon, KEK: kek})
		store := openNode(b, server.URI(), database, k.Clock)
		nodes[i] = kit.Start(b, kit.Options{Kit: k, Ports: func(p *ports.Storage) { *p = store.Ports() }})
	}
	tokenOf := func(s *kit.Services) string {
		s.Register(b, "ada", password, string(domain.RoleUser))
		signed, _ := s.SignIn(b, "ada", password, "192.0.2.7")
		return signed.Tokens.Access
	}
	local, shared := tokenOf(alone), tokenOf(nodes[0])
	verifies(b, local, alone)
	verifies(b, shared, nodes...)
	var embedded, one, three []float64
	spent, calls := databaseTime(b, server), 0
	for b.Loop() {
		calls += 2 * verifyRounds
		embedded = append(embedded, verifies(b, local, alone))
		one = append(one, verifies(b, shared, nodes[0]))
		three = append(three, verifies(b, shared, nodes...))
	}
	median := func(values []float64) float64 {
		slices.Sort(values)
		return values[len(values)/2]
	}
	b.ReportMetric(float64((databaseTime(b, server)-spent).Nanoseconds())/float64(calls), "primary-ns")
	b.ReportMetric(median(embedded), "embedded-ns")
	b.ReportMetric(median(one), "node-ns")
	b.ReportMetric(median(three), "three-nodes-ns")
	withLimit(b, "verification on a warm node, times the embedded store's", median(one)/median(embedded), 1.5,
		"times-embedded")
	withLimit(b, "verification on three nodes, times that on one", median(three)/median(one), 3/2.7, "times-one")
}

// BenchmarkNodesRevoke measures how long a revocation takes until it is answered, with three nodes and with one more
// that is dead.
func BenchmarkNodesRevoke(b *testing.B) {
	server := mongod.SharedSet(b)
	database := server.Database(b)
	here := openNode(b, server.URI(), database, sysclock.Clock{})
	for range 2 {
		openNode(b, server.URI(), database, sysclock.Clock{})
	}
	n := 0
	revoke := func(b *testing.B) time.Duration {
		b.Helper()
		n++
		user := domain.User{
			ID: domain.UserID(fmt.Sprintf("usr_%026d", n)), Identifier: fmt.Sprintf("%08d", n), Directory: "local",
			Status: domain.StatusActive, Role: domain.RoleUser,
			Sessions: []domain.SessionRef{{ID: domain.SessionID(fmt.Sprintf("sess_%026d", n))}},
		}
		if err := here.Users().Create(b.Context(), user, domain.Outbox{}); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		_, err := here.Users().Update(b.Context(), user.ID, func(u *domain.User, _ *domain.Outbox) error {
			u.Sessions = nil
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	revoke(b) // waits, as after an election, since the node has just seen its first primary
	b.Run("healthy", func(b *testing.B) {
		var took []time.Duration
		before, database := cpuTime(b), databaseTime(b, server)
		for b.Loop() {
			took = append(took, revoke(b))
		}
		b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		b.ReportMetric(float64((databaseTime(b, server)-database).Microseconds())/float64(b.N), "primary-µs/op")
		slices.Sort(took)
		withLimit(b, "revocation with three nodes, 99th percentile",
			float64(took[len(took)*99/100].Microseconds())/1000, 50, "p99-ms")
	})
	b.Run("with a dead node", func(b *testing.B) {
		var worst time.Duration
		address := server.Primary(b).Address
		for b.Loop() {
			proxy := faultproxy.New(b, address)
			openNode(b, "mongodb://127.0.0.1:"+proxy.Port()+"/?directConnection=true", database,
				sysclock.Clock{})
			proxy.Silent.Store(true)
			worst = max(worst, revoke(b))
			proxy.Heal() // so that the node stops in time
			proxy.Cut()
		}
		withLimit(b, "revocation with a dead node, the longest", float64(worst.Microseconds())/1000, 2500, "max-ms")
	})
}

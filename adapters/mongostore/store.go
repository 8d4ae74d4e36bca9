package mongostore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Config is the configuration of the database connection. All fields except URI, Database and Clock have defaults.
type Config struct {
	// URI is the connection string. It may contain a password and is never logged.
	URI      string
	Database string
	Clock    ports.Clock
	// Timeout limits each call of the store, including its retries. 0 means timeoutMS of the URI or else 2.5 seconds, so
	// that an unreachable server results in an error response within three seconds.
	Timeout time.Duration
	// Lease is how long a node trusts the primary for access checks after a majority acknowledged a write through it;
	// see lease.go. All nodes must have the same value. 0 disables leases: a primary that is partitioned and has not
	// stepped down yet (up to ten seconds) then accepts sessions and keys that were revoked on other nodes.
	Lease time.Duration
	// Strict makes each access check read with read concern linearizable instead of a lease. It costs a round trip
	// within the replica set for each check, and does not depend on clock drift.
	Strict bool
	// MaxSkew is the maximum difference between the clocks of this node and the primary; see clock.go. 0 disables the
	// check.
	MaxSkew time.Duration
	// NoTTL omits the TTL indexes. It is for tests whose clock is not the server's; the sweep jobs remove expired
	// documents all the same.
	NoTTL bool
	// Migrating is called when a step of a schema migration begins, and every ten seconds while one runs, here or on
	// another node. nil means that it is not called.
	Migrating func(step string, number, of int, took time.Duration)
	// Monitor receives each command; for tests.
	Monitor *event.CommandMonitor

	renewEvery time.Duration // of the lease of a migration; 0 means the constant of that name
}

// Store is an open database. Its methods return implementations of the storage ports; all are safe for concurrent use.
type Store struct {
	config    Config
	client    *mongo.Client
	db        *mongo.Database
	entropy   io.Reader
	marker    ports.AuditMarker // nil disables marks
	documents *documentCache
	locks     *keyedMutex
	touched   *records.Activity
	used      *records.Activity
	clears    chan clearing
	catalog   catalogCache
	sweeps    sweepCursor
	lease     *lease
	alive     liveness
	sealing   *sealLeader
	cluster   *cluster
	cached    *viewCache
	drifts    *drifts
	skewed    atomic.Bool

	oldFormatUntil atomic.Int64  // see searchformat.go
	fewFound       int64         // the constant; tests lower it
	countWithin    time.Duration // the constant; tests lower it
	converting     atomic.Int64  // end of the lease of the conversion that this node holds

	stop     context.CancelFunc
	stopping context.Context //nolint:containedctx // ends the jobs
	jobs     sync.WaitGroup

	users    *table[domain.User]
	sessions *table[domain.Session]
	keys     *table[domain.APIKey]
	tokens   *table[domain.ThirdPartyToken]
	roles    *table[domain.Role]
	groups   *table[domain.Group]
	settings *table[domain.Settings]
	attempts *table[accountAttempts]
	signing  *table[signingSet]
	logs     *table[auditHead]

	finishers []func(ctx context.Context, before time.Time) error // table.finishOutboxes of each table
}

// Open connects, upgrades the schema and starts the background jobs. It fails within a few seconds if no primary is
// reachable, and refuses a database that a later version of the program has migrated. A MisconfiguredError reports that
// no attempt with this connection string will succeed.
func Open(ctx context.Context, config Config) (*Store, error) {
	if config.Clock == nil || config.Database == "" {
		return nil, errors.New("mongostore: a clock and a database name are required")
	}
	config.renewEvery = cmp.Or(config.renewEvery, renewEvery)
	o, err := connection(&config)
	if err != nil {
		return nil, err
	}
	held, counted := &lease{lasts: config.Lease}, &drifts{}
	client, err := mongo.Connect(o.SetServerMonitor(counted.watch(held.monitor())))
	if err != nil {
		return nil, unusable(config.URI, err)
	}
	s := newStore(config, client, held)
	s.drifts = counted
	err = reach(ctx, o, s.db)
	if err == nil {
		err = s.CompareClocks(ctx)
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err == nil {
		_, err = s.loadSearchFormat(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, client.Disconnect(context.WithoutCancel(ctx)))
	}
	_ = s.cluster.join(ctx) // until a heartbeat succeeds, every verification reads
	s.start()               //nolint:contextcheck // the jobs outlive the opening
	return s, nil
}

func newStore(config Config, client *mongo.Client, held *lease) *Store {
	documents, _ := lru.New[string, cachedDocument](cachedDocuments) // fails only for a size below 1
	s := &Store{
		config: config, client: client, entropy: rand.Reader, documents: documents, locks: newKeyedMutex(),
		lease: held, touched: records.NewActivity(monotonic), used: records.NewActivity(monotonic), fewFound: fewFound,
		countWithin: countWithin,
		clears:      make(chan clearing, 1024),
	}
	s.db = client.Database(config.Database,
		options.Database().SetReadConcern(readconcern.Majority()).SetWriteConcern(durable()))
	s.sealing = &sealLeader{now: monotonic, id: s.nonce()}
	s.cached = newViewCache()
	s.cluster = newCluster(s, config.Lease)
	s.makeTables()
	return s
}

// durable returns the write concern of every write that must survive a failover.
func durable() *writeconcern.WriteConcern {
	journaled := true
	return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journaled}
}

// lossy returns the collection for writes whose loss in a failover is harmless: activity, clearing of outboxes, sweeps.
func (s *Store) lossy(name string) *mongo.Collection {
	return s.db.Collection(name, options.Collection().SetWriteConcern(writeconcern.W1()))
}

// start starts the background jobs.
func (s *Store) start() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.stopping = stop, ctx
	s.jobs.Go(func() { s.clearOutboxes(ctx) })
	s.jobs.Go(func() { s.runFlushes(ctx) })
	s.jobs.Go(func() { s.every(ctx, sweepEvery, s.FinishOutboxes) })
	s.jobs.Go(func() { s.every(ctx, compareEvery, s.CompareClocks) })
	s.jobs.Go(func() { s.cluster.readLog(ctx) })
	if s.cluster.lease > 0 {
		s.jobs.Go(func() { s.cluster.keepLease(ctx) })
		s.jobs.Go(func() { s.cluster.watch(ctx) })
	}
	s.jobs.Go(func() { s.every(ctx, convertEvery, s.ConvertSearch) })
}

// every runs a job periodically. After a failure the next run repeats the work.
func (s *Store) every(ctx context.Context, interval time.Duration, job func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = job(ctx) // requests report a database that is unreachable
		}
	}
}

// Close stops the jobs, writes pending activity and disconnects.
func (s *Store) Close(ctx context.Context) error {
	if s.stop != nil {
		s.stop()
		s.lease.end()
		s.alive.end()
		s.cluster.end()
		s.jobs.Wait()
		s.cluster.leave(ctx)
	}
	flushed := s.flushTouches(ctx)
	if err := s.client.Disconnect(ctx); err != nil {
		return errors.Join(flushed, fmt.Errorf("disconnecting: %s", describe(err)))
	}
	return flushed
}

// requestTimeouts is how many timeouts of a call all calls of one request may take together.
const requestTimeouts = 2

// bound returns a context with the timeout of a call, less if the calls of the request have taken too long already, or
// a canceled one while the clock is wrong.
func (s *Store) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.skewed.Load() {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(errSkewed)
		return ctx, func() {}
	}
	request := ports.StorageTimeOf(ctx)
	if request == nil {
		return context.WithTimeout(ctx, s.config.Timeout)
	}
	left := requestTimeouts*s.config.Timeout - request.Begin(monotonic())
	ctx, cancel := context.WithTimeout(ctx, min(left, s.config.Timeout))
	return ctx, sync.OnceFunc(func() {
		cancel()
		request.End(monotonic())
	})
}

// detached returns a context for work that must be completed although the request that caused it has ended, or whose
// result other requests wait for.
func detached(ctx context.Context) context.Context {
	return ports.WithoutStorageTime(context.WithoutCancel(ctx))
}

func (s *Store) now() time.Time { return s.config.Clock.Now() }

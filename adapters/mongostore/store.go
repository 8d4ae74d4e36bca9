package mongostore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Config says where the database is. Zero fields but URI, Database and Clock have defaults.
type Config struct {
	// URI is the connection string; it may hold a password and is never logged.
	URI      string
	Database string
	Clock    ports.Clock
	// Timeout bounds each call of the store, its retries included; 0 stands for 2.5 seconds, so that a dead server becomes
	// an answer within three.
	Timeout time.Duration
	// Lease is how long a node trusts the primary for checks once a majority has taken a write from it; see lease.go. All nodes
	// have the same. 0: for ever, so that a primary that was cut off, and does not know yet, lets those in whom others have
	// locked out (up to ten seconds).
	Lease time.Duration
	// Strict lets each check ask the primary to prove that it still is one (read concern linearizable), instead of a lease. It
	// costs a round of the replica set each time, and needs no clocks that run alike.
	Strict bool
	// MaxSkew is how far the clocks of this node and of the primary may be apart; see clock.go. 0 does not look.
	MaxSkew time.Duration
	// NoTTL leaves the indexes out by which the server sweeps what has expired. It is for tests whose clock is not the
	// server's; jobs sweep all the same.
	NoTTL bool
	// Monitor sees each command; for tests.
	Monitor *event.CommandMonitor
}

const defaultTimeout = 2500 * time.Millisecond

// Store is an open database. Its parts implement the storage ports; all are safe for concurrent use.
type Store struct {
	config  Config
	client  *mongo.Client
	db      *mongo.Database
	entropy io.Reader
	marker  ports.AuditMarker // nil writes no marks
	seen    *memory
	turns   *turns
	touched *touches
	used    *touches
	clears  chan clearing
	catalog catalogCache
	sweeps  sweepCursor
	lease   *lease
	skewed  atomic.Bool

	stop context.CancelFunc
	jobs sync.WaitGroup

	eased *easings

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
	tables   []sweeper
}

// Open connects, brings the schema up to date and starts the sweeper. It fails within a few seconds when no primary answers,
// and refuses a database that a later version of the program has migrated.
func Open(ctx context.Context, config Config) (*Store, error) {
	if config.Clock == nil || config.Database == "" {
		return nil, errors.New("mongostore: needs a clock and the name of a database")
	}
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	held := &lease{lasts: config.Lease}
	client, err := mongo.Connect(clientOptions(config).SetServerMonitor(held.monitor()))
	if err != nil {
		// The error of a connection string quotes it, with its password.
		return nil, errors.New("mongostore: the connection string is not valid")
	}
	s := newStore(config, client, held)
	err = s.CompareClocks(ctx)
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, client.Disconnect(context.WithoutCancel(ctx)))
	}
	s.start() //nolint:contextcheck // the jobs outlive the opening
	return s, nil
}

func clientOptions(config Config) *options.ClientOptions {
	o := options.Client().ApplyURI(config.URI).SetAppName("ostiary").SetRegistry(registry).
		SetTimeout(config.Timeout).
		// Timeout does not bound the choice of a server for every kind of call.
		SetServerSelectionTimeout(config.Timeout).SetConnectTimeout(config.Timeout).
		SetHeartbeatInterval(2 * time.Second).SetReadPreference(readpref.Primary())
	if config.Monitor != nil {
		o.SetMonitor(config.Monitor)
	}
	return o
}

func newStore(config Config, client *mongo.Client, held *lease) *Store {
	s := &Store{
		config: config, client: client, entropy: rand.Reader, seen: newMemory(4096), turns: newTurns(),
		lease: held, touched: newTouches(), used: newTouches(), clears: make(chan clearing, 1024), eased: newEasings(),
	}
	s.db = client.Database(config.Database, options.Database().SetReadConcern(readconcern.Majority()).SetWriteConcern(durable()))
	s.makeTables()
	return s
}

// durable is the write concern of everything that a promise depends on.
func durable() *writeconcern.WriteConcern {
	journaled := true
	return &writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journaled}
}

// lossy returns the collection for writes whose loss in a failover costs nothing but time: activity, clearings, sweeps.
func (s *Store) lossy(name string) *mongo.Collection {
	return s.db.Collection(name, options.Collection().SetWriteConcern(writeconcern.W1()))
}

// start runs the jobs that go on beside the requests.
func (s *Store) start() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.jobs.Go(func() { s.clearOutboxes(ctx) })
	s.jobs.Go(func() { s.writeEased(ctx) })
	s.jobs.Go(func() { s.every(ctx, flushEvery, s.flushTouches) })
	s.jobs.Go(func() { s.every(ctx, sweepEvery, s.FinishOutboxes) })
	s.jobs.Go(func() { s.every(ctx, compareEvery, s.CompareClocks) })
}

// every runs a job again and again; what one run could not do, the next one does.
func (s *Store) every(ctx context.Context, interval time.Duration, job func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = job(ctx) // a store that is away says so to the requests
		}
	}
}

// Close writes what is waiting and disconnects.
func (s *Store) Close(ctx context.Context) error {
	if s.stop != nil {
		s.stop()
		s.lease.end()
		s.jobs.Wait()
	}
	s.flushEased(ctx)
	flushed := s.flushTouches(ctx)
	if err := s.client.Disconnect(ctx); err != nil {
		return errors.Join(flushed, fmt.Errorf("disconnecting: %s", describe(err)))
	}
	return flushed
}

// bound keeps a call within the time that the caller of the service can be kept waiting.
func (s *Store) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.skewed.Load() {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(errSkewed)
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.config.Timeout)
}

func (s *Store) now() time.Time { return s.config.Clock.Now() }

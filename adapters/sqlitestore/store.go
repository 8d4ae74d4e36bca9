package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// FileName is the name of the database file in the data directory.
const FileName = "ostiary.db"

// Config is the configuration of the store.
type Config struct {
	// Dir is the data directory. Open creates it, readable only by its owner, if it does not exist.
	Dir string
	// Clock provides the time of operations that have no time parameter.
	Clock ports.Clock
	// Known is what the caller knows about the store before it is opened.
	Known Known
	// Migrating is called when a schema migration of an existing database begins, and every ten seconds while it runs.
	// nil means that it is not called.
	Migrating func(step string, number, of int, took time.Duration)
	// Monitor receives the text of each statement, from several goroutines; for tests. It may be nil.
	Monitor func(query string)
}

// Store is an open database. The types that its methods return implement the storage ports.
type Store struct {
	config        Config
	lock          *dirLock
	reads         *reader
	writer        *writer
	view          *view
	kinds         *auditKinds
	marker        ports.AuditMarker // nil if entries are not marked
	refusals      refusals
	attempts      *attemptCache
	positions     *positions
	indexRequests chan struct{} // notifies the indexer of pending users

	catalog  atomic.Pointer[domain.Catalog]
	pending  atomic.Int64 // number of users in search_pending
	fewFound int64        // the constant; tests lower it
	pingOK   atomic.Bool  // a Ping has succeeded within the last second
	stop     context.CancelFunc
	jobs     sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// Open opens the database in the directory, creates it if there is none, and migrates its schema. It returns ErrInUse
// if another process has the directory open, and an error if a later version of the program has written the database.
func Open(ctx context.Context, config Config) (*Store, error) {
	if config.Clock == nil {
		return nil, errors.New("sqlitestore: no clock")
	}
	if config.Monitor == nil {
		config.Monitor = func(string) {}
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data directory: %w", err)
	}
	lock, err := lockDir(config.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		config: config, lock: lock, indexRequests: make(chan struct{}, 1),
		refusals: refusals{until: map[refusal]time.Time{}}, positions: newPositions(), fewFound: fewFound,
	}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.start(ctx)
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	path := filepath.Join(s.config.Dir, FileName)
	if err := checkSetUp(ctx, path, s.config.Known); err != nil {
		return err
	}
	if err := createPrivate(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(path, false))
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	db.SetMaxOpenConns(1)
	s.writer = newWriter(db, s.config.Monitor)
	if err := migrate(ctx, db, s.config.Migrating); err != nil {
		return err
	}
	if err := s.writer.connect(ctx); err != nil {
		return err
	}
	if s.reads, err = openReader(dsn(path, true), s.config.Monitor); err != nil {
		return err
	}
	s.view, s.attempts = newView(s), newAttemptCache(s)
	return s.load(ctx)
}

// load stores the initial records of a new installation and fills the caches.
func (s *Store) load(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.loadAuditKinds, s.seed, s.continueCut, s.releaseMessages, s.countPending,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// createPrivate creates the file before SQLite does, which would make it readable by others; SQLite gives its
// companions the same mode.
func createPrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the path is the configuration's
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	return makePrivate(path, path+"-wal", path+"-shm")
}

// makePrivate removes the access of group and others from files that exist. A file of another user keeps the access of
// its group, which may be ours; access for others is then an error.
func makePrivate(paths ...string) error {
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("opening the database: %w", err)
		}
		if info.Mode().Perm()&0o077 == 0 || runtime.GOOS == "windows" {
			continue
		}
		if err := os.Chmod(path, 0o600); err != nil && info.Mode().Perm()&0o007 != 0 {
			return fmt.Errorf("%s is open to others (mode %04o): %w", path, info.Mode().Perm(), err)
		}
	}
	return nil
}

func dsn(path string, readOnly bool) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "temp_store(MEMORY)", "trusted_schema(OFF)",
	}}
	if readOnly {
		q["_pragma"] = append(q["_pragma"], "query_only(1)", "cache_size(-4000)")
	} else {
		// A checkpoint runs after 16 MB of log, so that frequently changed pages are written once for many changes.
		// Deleted content is overwritten where that needs no additional write.
		q["_pragma"] = append(q["_pragma"], "cache_size(-8000)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)",
			"secure_delete(FAST)")
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// start starts the background jobs, which run until the store is closed.
func (s *Store) start(ctx context.Context) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.jobs.Go(func() { s.flushTouches(ctx) })
	s.jobs.Go(func() { s.runIndexer(ctx) })
}

// Close completes all waiting writes and closes the database. Later calls return fault.ErrStorage.
func (s *Store) Close(ctx context.Context) error {
	s.closing.Do(func() {
		s.stop()
		s.jobs.Wait()
		s.pingOK.Store(false)
		s.closeErr = errors.Join(s.view.flush(ctx), s.release())
	})
	return s.closeErr
}

// release closes everything that is open. The lock is last, so that the next process finds a complete file.
func (s *Store) release() error {
	var errs []error
	if s.reads != nil {
		errs = append(errs, s.reads.close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	return errors.Join(append(errs, s.lock.release())...)
}

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

// FileName is the name of the database in its directory.
const FileName = "ostiary.db"

// Config says where the store is and how large its memory may grow.
type Config struct {
	// Dir is the data directory; it is made, readable by its owner only, where it does not exist.
	Dir string
	// Clock tells the time for what has no other source of it.
	Clock ports.Clock
	// Known is what is known of the store before it is opened; the zero value stands for nothing.
	Known Known
	// Readers is how many reads run at once; 0 stands for 4.
	Readers int
	// CachedSessions and CachedUsers bound what the view keeps in memory; 0 stands for 50,000 and 20,000.
	CachedSessions int
	CachedUsers    int
}

// Store is an open database. Its parts implement the storage ports.
type Store struct {
	config        Config
	lock          *dirLock
	reads         *reader
	writer        *writer
	view          *view
	kinds         *auditKinds
	marker        ports.AuditMarker // nil writes no marks
	refusals      refusals
	attempts      *attemptCache
	indexRequests chan struct{} // asks for pending search texts to be folded into the index

	catalog  atomic.Pointer[domain.Catalog]
	pending  atomic.Int64 // how many users wait in search_pending
	pingOK   atomic.Bool  // Ping has seen a write within the last second
	stop     context.CancelFunc
	jobs     sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// Open opens the database in the directory, makes it where there is none, and brings its schema up to date. It refuses
// a directory that another process has open, and a database that a later version of the program has written.
func Open(ctx context.Context, config Config) (*Store, error) {
	if config.Clock == nil {
		return nil, errors.New("sqlitestore: no clock")
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	lock, err := lockDir(config.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{config: config, lock: lock, indexRequests: make(chan struct{}, 1), refusals: refusals{until: map[refusal]time.Time{}}}
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
	s.writer = newWriter(db)
	if err := migrate(ctx, db); err != nil {
		return err
	}
	if err := s.writer.connect(ctx); err != nil {
		return err
	}
	if s.reads, err = openReader(dsn(path, true), s.config.Readers); err != nil {
		return err
	}
	s.view, s.attempts = newView(s), newAttemptCache(s)
	return s.load(ctx)
}

// load seeds what a new installation has and reads what stands in memory.
func (s *Store) load(ctx context.Context) error {
	if err := s.loadAuditKinds(ctx); err != nil {
		return err
	}
	if err := s.seed(ctx); err != nil {
		return err
	}
	if err := s.removeCut(ctx); err != nil {
		return err
	}
	if err := s.releaseMessages(ctx); err != nil {
		return err
	}
	return s.countPending(ctx)
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
		// The log is folded back after 16 MB, so that pages that change all the time are written once for many changes.
		// What is removed is overwritten where that takes no writing of its own.
		q["_pragma"] = append(q["_pragma"], "cache_size(-8000)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "secure_delete(FAST)")
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// start runs the jobs that go on beside the requests, until the store closes.
func (s *Store) start(ctx context.Context) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.jobs.Go(func() { s.flushTouches(ctx) })
	s.jobs.Go(func() { s.runIndexer(ctx) })
}

// Close writes what is waiting and closes the database. Calls that come after it get fault.ErrStorage.
func (s *Store) Close(ctx context.Context) error {
	s.closing.Do(func() {
		s.stop()
		s.jobs.Wait()
		s.pingOK.Store(false)
		s.closeErr = errors.Join(s.view.flush(ctx), s.release())
	})
	return s.closeErr
}

// release gives back what was opened, in the order that leaves a whole file behind.
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

package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ostiary/ostiary/core/fault"
)

// maxBatch is the maximum number of writes in one commit. It limits how long the first write waits for the last.
const maxBatch = 128

// The states of a write. A waiting write can be canceled. A started write always returns its result.
const (
	waiting int32 = iota
	leading       // its caller runs the next batch, which begins with this write
	started
	canceled
)

// write is one submitted change.
type write struct {
	run      func(*tx) error
	soft     bool // see doSoft
	state    atomic.Int32
	lead     chan struct{} // closed when the caller must lead a batch
	done     chan struct{}
	err      error
	panicked any
}

func newWrite(run func(*tx) error, soft bool) *write {
	return &write{run: run, soft: soft, lead: make(chan struct{}), done: make(chan struct{})}
}

// writer owns the only connection that writes. A caller that finds the writer idle writes on its own goroutine. Callers
// that arrive meanwhile wait, and the first of them then leads: it writes for all. A dedicated goroutine would cost
// each caller two thread switches, a large part of the cost of a small commit.
type writer struct {
	db      *sql.DB
	conn    *sql.Conn
	monitor func(query string)
	stmts   map[string]*sql.Stmt

	soft bool // current mode of the connection

	mu     sync.Mutex
	queue  []*write
	busy   bool
	closed bool
	idle   chan struct{} // closed when a closed writer has completed all waiting writes
}

func newWriter(db *sql.DB, monitor func(string)) *writer {
	return &writer{db: db, monitor: monitor, stmts: map[string]*sql.Stmt{}, idle: make(chan struct{})}
}

func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("opening the database: %w", translate(err))
	}
	w.conn = conn
	return nil
}

// do runs one write and returns after it is flushed to disk, or has failed without effect. Canceling ctx cancels the
// write only before it has started. After that do waits for the result. run may see the effects of earlier writes of
// its batch and must not call the store. If it returns an error, all its changes are rolled back.
func (w *writer) do(ctx context.Context, run func(*tx) error) error {
	return w.submit(ctx, newWrite(run, false))
}

// doSoft is do without a flush to disk, for a write that no other state depends on before a later write. When it
// returns, the write survives a crash of the process. It survives a power failure after the next flush, at the latest
// that of the next write by do.
func (w *writer) doSoft(ctx context.Context, run func(*tx) error) error {
	return w.submit(ctx, newWrite(run, true))
}

func (w *writer) submit(ctx context.Context, op *write) error {
	if err := ctx.Err(); err != nil {
		return fault.ErrStorage.Because(err)
	}
	leads, err := w.join(op)
	if err != nil {
		return err
	}
	if leads {
		w.leadBatch(op)
	} else if err := w.wait(ctx, op); err != nil {
		return err
	}
	if op.panicked != nil {
		panic(op.panicked) // on the goroutine of the caller whose closure panicked
	}
	return op.err
}

// join appends the write to the queue, or reports that its caller leads because the writer is idle.
func (w *writer) join(op *write) (leads bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return false, fault.ErrStorage.Because(errClosed)
	case w.busy:
		w.queue = append(w.queue, op)
		return false, nil
	}
	w.busy = true
	op.state.Store(leading)
	return true, nil
}

// wait returns when the write is completed by any goroutine, or was canceled.
func (w *writer) wait(ctx context.Context, op *write) error {
	ended := ctx.Done()
	for {
		select {
		case <-op.done:
			return nil
		case <-op.lead:
			w.leadBatch(op)
			return nil
		case <-ended:
			if op.state.CompareAndSwap(waiting, canceled) {
				return fault.ErrStorage.Because(ctx.Err())
			}
			ended = nil // it has started
		}
	}
}

// leadBatch executes the caller's write with all writes that are waiting now, and then makes the next waiting caller
// lead.
func (w *writer) leadBatch(op *write) {
	w.mu.Lock()
	n := min(len(w.queue), maxBatch-1)
	batch := append([]*write{op}, w.queue[:n]...)
	w.queue = append([]*write(nil), w.queue[n:]...)
	w.mu.Unlock()
	defer w.leadNext()
	w.commit(batch)
}

// leadNext makes the first waiting caller lead, or marks the writer as idle.
func (w *writer) leadNext() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) > 0 {
		next := w.queue[0]
		if w.queue = w.queue[1:]; next.state.CompareAndSwap(waiting, leading) {
			close(next.lead)
			return
		}
	}
	if w.busy = false; w.closed {
		close(w.idle)
	}
}

// begin reports whether the write may run, and marks it as started. A canceled write may not run.
func (op *write) begin() bool {
	return op.state.CompareAndSwap(waiting, started) || op.state.CompareAndSwap(leading, started)
}

// errDefect is the error of the writes in a batch whose closure has ended its goroutine.
var errDefect = errors.New("a write of the batch has ended its goroutine")

// commit runs the batch in one transaction and completes all its writes, also if a closure ends the goroutine.
func (w *writer) commit(batch []*write) {
	t := &tx{w: w, ctx: context.Background()}
	err := errDefect
	defer func() { w.finish(t, batch, err) }()
	err = w.write(t, batch)
}

func (w *writer) write(t *tx, batch []*write) error {
	err := w.begin(t, batch)
	switch {
	case err != nil:
	case len(batch) == 1:
		err = w.runOne(t, batch[0])
	default:
		err = w.runAll(t, batch)
	}
	if err == nil {
		err = t.exec("COMMIT")
	}
	return err
}

func (w *writer) finish(t *tx, batch []*write, err error) {
	if err != nil {
		_ = t.exec("ROLLBACK") // fails if SQLite has rolled back already
		err = translate(err)
	} else {
		t.publish()
	}
	for _, op := range batch {
		if err != nil {
			op.err = err // replaces the write's own error, which may depend on a write that was rolled back
		}
		close(op.done)
	}
}

// begin begins the transaction of the batch. Its commit is flushed unless all writes are soft.
func (w *writer) begin(t *tx, batch []*write) error {
	soft := !slices.ContainsFunc(batch, func(op *write) bool { return !op.soft })
	if soft != w.soft {
		mode := "PRAGMA synchronous = FULL"
		if soft {
			mode = "PRAGMA synchronous = NORMAL"
		}
		if err := t.exec(mode); err != nil {
			return err
		}
		w.soft = soft
	}
	return t.exec("BEGIN IMMEDIATE")
}

// runOne runs the only write of a transaction without a savepoint. Its error fails the transaction.
func (w *writer) runOne(t *tx, op *write) error {
	if !op.begin() {
		return nil
	}
	return w.guard(op, t)
}

// runAll runs each write in a savepoint. An error means that the whole transaction failed.
func (w *writer) runAll(t *tx, batch []*write) error {
	for _, op := range batch {
		if !op.begin() {
			continue
		}
		if err := t.exec("SAVEPOINT one"); err != nil {
			return err
		}
		mark := t.mark()
		if op.err = translate(w.guard(op, t)); op.err != nil {
			t.reset(mark)
			if err := t.exec("ROLLBACK TO one"); err != nil {
				return errors.Join(op.err, err)
			}
		}
		if err := t.exec("RELEASE one"); err != nil {
			return err
		}
	}
	return nil
}

// guard runs the write and recovers a panic of its closure, so that the writer continues.
func (w *writer) guard(op *write, t *tx) (err error) {
	defer func() {
		if op.panicked = recover(); op.panicked != nil {
			err = fault.ErrInternal
		}
	}()
	return op.run(t)
}

// close waits for the waiting writes and closes the connection, which checkpoints the write-ahead log.
func (w *writer) close() error {
	w.mu.Lock()
	busy := w.busy
	w.closed = true
	w.mu.Unlock()
	if busy {
		<-w.idle
	}
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	return translate(errors.Join(append(errs, w.db.Close())...))
}

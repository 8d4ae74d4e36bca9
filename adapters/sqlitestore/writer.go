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

// maxBatch bounds how many writes share one commit, and with it how long the first of them waits for the last.
const maxBatch = 128

// The states of a write. It can be taken back while it waits; once it has started its result is told as it is.
const (
	waiting int32 = iota
	leading       // its caller is to run the next batch, which it is the first of
	started
	canceled
)

// write is one change on its way through the writer.
type write struct {
	run      func(*tx) error
	soft     bool // see doSoft
	state    atomic.Int32
	lead     chan struct{} // closed for the one that is to lead
	done     chan struct{}
	err      error
	panicked any
}

func newWrite(run func(*tx) error, soft bool) *write {
	return &write{run: run, soft: soft, lead: make(chan struct{}), done: make(chan struct{})}
}

// writer owns the one connection that writes. Whoever comes while nobody writes does so on its own goroutine; those who
// come meanwhile wait, and the first of them then writes for all. A goroutine of the writer's own would cost each of
// them two changes of thread, a good part of what a small commit costs.
type writer struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt

	soft bool // what the connection is set to

	mu     sync.Mutex
	queue  []*write
	busy   bool
	closed bool
	idle   chan struct{} // closed once a closed writer has written what was waiting
}

func newWriter(db *sql.DB) *writer {
	return &writer{db: db, stmts: map[string]*sql.Stmt{}, idle: make(chan struct{})}
}

func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("opening the database: %w", translate(err))
	}
	w.conn = conn
	return nil
}

// do runs one write and returns once it is on disk, or has failed and left nothing. A ctx that ends before the write
// has started takes it back; after that the true result is waited for. run may see the effects of earlier writes of its
// batch, must not call the store, and loses everything that it did when it returns an error.
func (w *writer) do(ctx context.Context, run func(*tx) error) error {
	return w.submit(ctx, newWrite(run, false))
}

// doSoft is do for a write that nothing rests on before another one: it outlives the process at once, and a failure of
// the machine's power from the next flush on, which is that of any other write at the latest.
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
		panic(op.panicked) // where it belongs: on the goroutine of the caller whose closure it was
	}
	return op.err
}

// join takes the write into the queue, or tells its caller to lead where nobody writes.
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

// wait returns once the write is done, by whomever, or was taken back.
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

// leadBatch writes for the caller and for everybody else who is waiting at this moment, and then has the next one lead.
func (w *writer) leadBatch(op *write) {
	w.mu.Lock()
	n := min(len(w.queue), maxBatch-1)
	batch := append([]*write{op}, w.queue[:n]...)
	w.queue = append([]*write(nil), w.queue[n:]...)
	w.mu.Unlock()
	defer w.leadNext()
	w.commit(batch)
}

// passOn has the first of those who wait lead.
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

// begin reports whether the write may run, which one that was taken back may not.
func (op *write) begin() bool {
	return op.state.CompareAndSwap(waiting, started) || op.state.CompareAndSwap(leading, started)
}

// errDefect is what others get when a closure of their batch has ended its goroutine.
var errDefect = errors.New("a change has ended its goroutine")

// commit runs the batch in one transaction and answers everyone in it, also when a closure ends the goroutine.
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
		_ = t.exec("ROLLBACK") // there is none to roll back when SQLite has done so itself
		err = translate(err)
	} else {
		t.publish()
	}
	for _, op := range batch {
		if err != nil {
			op.err = err // also in place of an error of its own, which may rest on what another one did and lost
		}
		close(op.done)
	}
}

// begin begins the transaction of the batch, which is flushed unless all of it is soft.
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

// runOne runs a write that has the transaction for itself, so that its failure is the transaction's.
func (w *writer) runOne(t *tx, op *write) error {
	if !op.begin() {
		return nil
	}
	return w.guard(op, t)
}

// runAll runs each write in its savepoint. An error means that the whole transaction is gone.
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

// guard runs the write and keeps a panic of its closure from ending the writer.
func (w *writer) guard(op *write, t *tx) (err error) {
	defer func() {
		if op.panicked = recover(); op.panicked != nil {
			err = fault.ErrInternal
		}
	}()
	return op.run(t)
}

// close lets those who are waiting finish and closes the connection, which writes the log back into the file.
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

package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/ostiary/ostiary/core/fault"
)

// maxBatch bounds how many writes share one commit, and with it how long the first of them waits for the last.
const maxBatch = 128

// The states of a write. It can be taken back while it waits; once it has started its result is told as it is.
const (
	waiting int32 = iota
	started
	takenBack
)

// write is one change on its way through the writer.
type write struct {
	run      func(*tx) error
	soft     bool // see doSoft
	state    atomic.Int32
	done     chan struct{}
	err      error
	panicked any
}

// writer owns the one connection that writes, and the goroutine that uses it.
type writer struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt

	soft bool // what the connection is set to

	queue   chan *write // without a buffer: a write is either with its caller or with the goroutine
	stop    chan struct{}
	stopped chan struct{}
	running bool
}

func newWriter(db *sql.DB) *writer {
	return &writer{
		db: db, stmts: map[string]*sql.Stmt{}, queue: make(chan *write), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
}

func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("opening the database: %w", translate(err))
	}
	w.conn = conn
	return nil
}

// do runs one write and returns once it is on disk, or has failed and left nothing. A ctx that ends before the write has
// started takes it back; after that the true result is waited for. run may see the effects of earlier writes of its batch,
// must not call the store, and loses everything that it did when it returns an error.
func (w *writer) do(ctx context.Context, run func(*tx) error) error {
	return w.submit(ctx, &write{run: run, done: make(chan struct{})})
}

// doSoft is do for a write that nothing rests on before another one: it outlives the process at once, and a failure of the
// machine's power from the next flush on, which is that of any other write at the latest.
func (w *writer) doSoft(ctx context.Context, run func(*tx) error) error {
	return w.submit(ctx, &write{run: run, soft: true, done: make(chan struct{})})
}

func (w *writer) submit(ctx context.Context, op *write) error {
	if err := ctx.Err(); err != nil {
		return fault.ErrStorage.Because(err)
	}
	select {
	case w.queue <- op:
	case <-ctx.Done():
		return fault.ErrStorage.Because(ctx.Err())
	case <-w.stopped:
		return fault.ErrStorage.Because(errClosed)
	}
	select {
	case <-op.done:
	case <-ctx.Done():
		if op.state.CompareAndSwap(waiting, takenBack) {
			return fault.ErrStorage.Because(ctx.Err())
		}
		<-op.done
	}
	if op.panicked != nil {
		panic(op.panicked) // where it belongs: on the goroutine of the caller whose closure it was
	}
	return op.err
}

func (w *writer) start() {
	w.running = true
	go w.loop()
}

// loop is the goroutine. It ends when stop closes and nobody is waiting.
func (w *writer) loop() {
	defer close(w.stopped)
	for {
		select {
		case op := <-w.queue:
			w.commit(w.gather(op))
		case <-w.stop:
			for {
				select {
				case op := <-w.queue:
					w.commit(w.gather(op))
				default:
					return
				}
			}
		}
	}
}

// gather takes everybody else who is waiting at this moment.
func (w *writer) gather(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case op := <-w.queue:
			batch = append(batch, op)
		default:
			return batch
		}
	}
	return batch
}

// commit runs the batch in one transaction and answers everyone in it.
func (w *writer) commit(batch []*write) {
	t := &tx{w: w, ctx: context.Background()}
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
	if !op.state.CompareAndSwap(waiting, started) {
		return nil
	}
	return w.guard(op, t)
}

// runAll runs each write in its savepoint. An error means that the whole transaction is gone.
func (w *writer) runAll(t *tx, batch []*write) error {
	for _, op := range batch {
		if !op.state.CompareAndSwap(waiting, started) {
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

// close lets the goroutine finish what is waiting and closes the connection, which writes the log back into the file.
func (w *writer) close() error {
	if w.running {
		close(w.stop)
		<-w.stopped
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

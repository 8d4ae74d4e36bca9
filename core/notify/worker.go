package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/sealed"
	"github.com/ostiary/ostiary/ports"
)

const (
	firstRetry  = 5 * time.Second
	lastRetry   = 5 * time.Minute
	sendTimeout = 30 * time.Second // for one message
	// leaseMargin is how much longer than the send timeout the lease of a message lasts, to leave time to store the
	// result.
	leaseMargin = time.Minute
	maxReason   = 200
)

// WorkerConfig configures a worker. Zero fields take the defaults.
type WorkerConfig struct {
	Poll     time.Duration // interval between polls; default 1 second
	Parallel int           // messages sent concurrently; default 8
	// OnFailure is called for each failed attempt, for the log. It is called from several goroutines and may be nil.
	OnFailure func(Failure)
}

// Failure is one failed attempt. It contains nothing of the message's content.
type Failure struct {
	ID      domain.MessageID // empty if the queue itself failed
	Channel domain.Channel
	UserID  domain.UserID
	Err     error
	Dropped bool // no further attempt follows
}

// Worker delivers messages. Several workers, also on several nodes, may share a queue.
//
// A message is sent once, unless the process dies between sending it and storing that: then it is sent again with the
// same id, by which mail systems and gateways drop a duplicate. Failures are retried after 5 seconds and then with
// exponential backoff, at least every 5 minutes, until the message expires.
type Worker struct {
	queue   ports.MessageQueue
	sealer  ports.Sealer
	clock   ports.Clock
	senders map[domain.Channel]ports.Sender
	cfg     WorkerConfig

	mu sync.Mutex
	// handed holds messages that were accepted while the queue was unavailable: they are not sent again.
	handed map[domain.MessageID]struct{}
}

// NewWorker returns a worker that passes messages to the sender of their channel.
func NewWorker(queue ports.MessageQueue, sealer ports.Sealer, clock ports.Clock, cfg WorkerConfig,
	senders ...ports.Sender,
) *Worker {
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.Parallel <= 0 {
		cfg.Parallel = 8
	}
	if cfg.OnFailure == nil {
		cfg.OnFailure = func(Failure) {}
	}
	w := &Worker{
		queue: queue, sealer: sealer, clock: clock, cfg: cfg,
		senders: map[domain.Channel]ports.Sender{}, handed: map[domain.MessageID]struct{}{},
	}
	for _, sender := range senders {
		w.senders[sender.Channel()] = sender
	}
	return w
}

// Run delivers until ctx is done. It completes sends in progress, since aborting one could send the message twice.
func (w *Worker) Run(ctx context.Context) {
	for {
		n, err := w.Deliver(ctx)
		wait := w.cfg.Poll
		switch {
		case err != nil && ctx.Err() == nil:
			w.cfg.OnFailure(Failure{Err: err})
			wait = max(wait, firstRetry)
		case n == w.cfg.Parallel:
			wait = 0 // there may be more
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Deliver claims and sends due messages, at most as many as are sent concurrently, and returns their number. The
// error is that of the queue; failures of single messages are passed to OnFailure.
func (w *Worker) Deliver(ctx context.Context) (int, error) {
	now := w.clock.Now()
	messages, err := w.queue.ClaimMessages(ctx, now, now.Add(sendTimeout+leaseMargin), w.cfg.Parallel)
	if err != nil {
		return 0, fmt.Errorf("claiming messages: %w", err)
	}
	var wg sync.WaitGroup
	for _, message := range messages {
		wg.Go(func() { w.deliver(context.WithoutCancel(ctx), message) })
	}
	wg.Wait()
	return len(messages), nil
}

// errExpired is the error of a message that no sender accepted in time.
var errExpired = errors.New("the message has expired")

func (w *Worker) deliver(ctx context.Context, message domain.Message) {
	if w.wasHanded(message.ID) {
		w.forget(ctx, message, nil)
		return
	}
	if !w.clock.Now().Before(message.ExpiresAt) {
		w.forget(ctx, message, errExpired)
		return
	}
	err := w.send(ctx, message)
	switch {
	case err == nil:
		w.mu.Lock()
		w.handed[message.ID] = struct{}{}
		w.mu.Unlock()
		w.forget(ctx, message, nil)
	case errors.Is(err, domain.ErrUndeliverable):
		w.forget(ctx, message, err)
	default:
		w.retry(ctx, message, err)
	}
}

func (w *Worker) send(ctx context.Context, message domain.Message) error {
	sender := w.senders[message.Channel]
	if sender == nil {
		return fmt.Errorf("no sender for channel %s", message.Channel)
	}
	var email payload
	err := sealed.Open(w.sealer, binding(message.ID), message.Payload, &email)
	switch {
	case errors.Is(err, sealed.ErrForm):
		return domain.ErrUndeliverable.Because(err)
	case err != nil:
		return err // a missing key may be configured later
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return sender.Send(ctx, domain.EmailMessage(email))
}

func (w *Worker) wasHanded(id domain.MessageID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, handed := w.handed[id]
	return handed
}

// forget deletes the message from the queue, because it was accepted or, with a reason, because it never will be.
func (w *Worker) forget(ctx context.Context, message domain.Message, reason error) {
	if reason != nil {
		w.report(message, reason, true)
	}
	ctx, cancel := context.WithTimeout(ctx, leaseMargin)
	defer cancel()
	if err := w.queue.DoneMessage(ctx, message.ID); err != nil {
		w.report(message, fmt.Errorf("deleting a message: %w", err), false)
		return
	}
	w.mu.Lock()
	delete(w.handed, message.ID)
	w.mu.Unlock()
}

func (w *Worker) retry(ctx context.Context, message domain.Message, reason error) {
	at := w.clock.Now().Add(retryAfter(message.Attempts))
	if !at.Before(message.ExpiresAt) {
		w.forget(ctx, message, fmt.Errorf("%w: %w", errExpired, reason))
		return
	}
	w.report(message, reason, false)
	ctx, cancel := context.WithTimeout(ctx, leaseMargin)
	defer cancel()
	text := reason.Error()
	if err := w.queue.RetryMessage(ctx, message.ID, at, text[:min(len(text), maxReason)]); err != nil {
		// The lease expires by itself, and the message is claimed again then.
		w.report(message, fmt.Errorf("returning a message to the queue: %w", err), false)
	}
}

func (w *Worker) report(message domain.Message, err error, dropped bool) {
	w.cfg.OnFailure(Failure{
		ID: message.ID, Channel: message.Channel, UserID: message.UserID, Err: err, Dropped: dropped,
	})
}

// retryAfter doubles from firstRetry up to lastRetry.
func retryAfter(attempts int) time.Duration {
	wait := firstRetry
	for range attempts {
		wait = min(2*wait, lastRetry)
	}
	return wait
}

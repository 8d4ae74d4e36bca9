package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
	// leaseMargin is how much longer than its sending a message is the worker's: time to write down what became of it.
	leaseMargin = time.Minute
	maxReason   = 200
)

// WorkerConfig says how a worker delivers. Zero fields take the defaults.
type WorkerConfig struct {
	Poll        time.Duration // how often it looks for messages; a second
	Parallel    int           // how many it sends at once; 8
	SendTimeout time.Duration // how long one may take; 30 seconds
	// OnFailure is told of each try that failed, for the log. It is called from several goroutines and may be nil.
	OnFailure func(Failure)
}

// Failure is one try that failed. It holds nothing of the letter.
type Failure struct {
	ID      domain.MessageID // empty when the queue itself did not answer
	Channel domain.Channel
	UserID  domain.UserID
	Err     error
	Dropped bool // it will not be tried again
}

// Worker delivers messages. Several workers, also of several nodes, may share a queue.
//
// A message goes out once, unless the process dies between handing it over and writing that down: then it goes out again,
// under the same id, by which mail systems and gateways drop a repeat. Failures are tried again after 5 seconds and then
// ever less often, at least every 5 minutes, until the message's time is over.
type Worker struct {
	queue   ports.MessageQueue
	sealer  ports.Sealer
	clock   ports.Clock
	senders map[domain.Channel]ports.Sender
	cfg     WorkerConfig

	mu sync.Mutex
	// handed are messages that were taken while the queue could not be told: they are not sent again.
	handed map[domain.MessageID]struct{}
}

// NewWorker returns a worker that hands messages to the sender of their channel.
func NewWorker(queue ports.MessageQueue, sealer ports.Sealer, clock ports.Clock, cfg WorkerConfig, senders ...ports.Sender) *Worker {
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.Parallel <= 0 {
		cfg.Parallel = 8
	}
	if cfg.SendTimeout <= 0 {
		cfg.SendTimeout = 30 * time.Second
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

// Run delivers until ctx is done. What is being sent then is sent to its end: cutting it off could send it twice.
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

// Deliver claims messages that are due, at most as many as are sent at once, sends them and returns how many they were.
// The error is the queue's; failures of single messages go to OnFailure.
func (w *Worker) Deliver(ctx context.Context) (int, error) {
	now := w.clock.Now()
	messages, err := w.queue.ClaimMessages(ctx, now, now.Add(w.cfg.SendTimeout+leaseMargin), w.cfg.Parallel)
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

// errExpired is the end of a message that nobody took in time.
var errExpired = errors.New("its time is over")

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
		return fmt.Errorf("nothing sends by %s", message.Channel)
	}
	text, err := w.sealer.Open(message.Payload, binding(message.ID))
	if err != nil {
		return fmt.Errorf("opening a message: %w", err) // a key that is missing now may be configured again
	}
	var letter payload
	if err := json.Unmarshal(text, &letter); err != nil {
		return domain.ErrUndeliverable.Because(errors.New("the letter does not parse"))
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.SendTimeout)
	defer cancel()
	return sender.Send(ctx, domain.Letter(letter))
}

func (w *Worker) wasHanded(id domain.MessageID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, handed := w.handed[id]
	return handed
}

// forget takes the message off the queue, because it was taken or, with a reason, because it never will be.
func (w *Worker) forget(ctx context.Context, message domain.Message, reason error) {
	if reason != nil {
		w.cfg.OnFailure(Failure{ID: message.ID, Channel: message.Channel, UserID: message.UserID, Err: reason, Dropped: true})
	}
	ctx, cancel := context.WithTimeout(ctx, leaseMargin)
	defer cancel()
	if err := w.queue.DoneMessage(ctx, message.ID); err != nil {
		w.cfg.OnFailure(Failure{ID: message.ID, Channel: message.Channel, UserID: message.UserID, Err: fmt.Errorf("forgetting a message: %w", err)})
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
	w.cfg.OnFailure(Failure{ID: message.ID, Channel: message.Channel, UserID: message.UserID, Err: reason})
	ctx, cancel := context.WithTimeout(ctx, leaseMargin)
	defer cancel()
	text := reason.Error()
	if err := w.queue.RetryMessage(ctx, message.ID, at, text[:min(len(text), maxReason)]); err != nil {
		// The lease runs out by itself, and the message is claimed again then.
		w.cfg.OnFailure(Failure{ID: message.ID, Channel: message.Channel, UserID: message.UserID, Err: fmt.Errorf("putting a message back: %w", err)})
	}
}

// retryAfter doubles from firstRetry up to lastRetry.
func retryAfter(attempts int) time.Duration {
	wait := firstRetry
	for range attempts {
		if wait >= lastRetry {
			return lastRetry
		}
		wait *= 2
	}
	return min(wait, lastRetry)
}

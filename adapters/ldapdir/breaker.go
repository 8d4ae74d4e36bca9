package ldapdir

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

const (
	maxProbeDelay = time.Minute
	// After the server has refused the service account once, only the prober tries it again, since each attempt could
	// be the one that locks it: first after accountFirstProbe, then every accountProbeDelay.
	accountFirstProbe = time.Minute
	accountProbeDelay = 5 * time.Minute
)

// breaker blocks calls to a failing server, and probes it in the background until it is healthy. Calls never serve as
// probes, so that no request waits for a server that is known to hang.
type breaker struct {
	circuit *gobreaker.CircuitBreaker[struct{}]
	probe   func(ctx context.Context) error
	every   time.Duration
	limit   time.Duration

	mu     sync.Mutex
	open   chan struct{} // closed while the circuit is open
	last   error         // the error that opened it
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func newBreaker(id string, s *Settings, probe func(ctx context.Context) error) *breaker {
	b := &breaker{probe: probe, every: s.Breaker.Probe, limit: s.Timeouts.Operation, open: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: id, MaxRequests: 1, Timeout: time.Nanosecond, // the prober keeps the pace
		ReadyToTrip: func(c gobreaker.Counts) bool {
			_, last := b.state()
			return refusesAccount(last) || int(c.ConsecutiveFailures) >= s.Breaker.Failures
		},
		OnStateChange: b.changed,
	})
	return b
}

// run runs one call. Only an outage counts against the server; a wrong password is a success here, and a disconnected
// client is no evidence about the server.
func (b *breaker) run(ctx context.Context, call func(ctx context.Context, tripped <-chan struct{}) error) error {
	tripped, last := b.state()
	select {
	case <-tripped:
		return &outageError{cause: errors.Join(errTripped, last)}
	default:
	}
	limited, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	err := call(limited, tripped)
	if ctx.Err() != nil || errors.Is(err, errTripped) || errors.Is(err, errClosed) {
		return err
	}
	b.report(err)
	return err
}

// report passes the result of a call to the circuit breaker afterwards, so that calls that run concurrently with a
// failing one are not refused by the library for being too many.
func (b *breaker) report(err error) {
	if b.circuit.State() != gobreaker.StateClosed {
		return // only a probe closes it
	}
	_, _ = b.circuit.Execute(func() (struct{}, error) {
		if _, outage := errors.AsType[*outageError](err); outage {
			b.mu.Lock()
			b.last = err
			b.mu.Unlock()
			return struct{}{}, err
		}
		return struct{}{}, nil
	})
}

func (b *breaker) state() (tripped <-chan struct{}, last error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.last
}

// changed handles changes of the circuit's state. The library calls it under its own lock.
func (b *breaker) changed(_ string, from, to gobreaker.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case from == gobreaker.StateClosed && to == gobreaker.StateOpen && b.ctx.Err() == nil:
		close(b.open)
		b.done.Add(1)
		go b.watch()
	case to == gobreaker.StateClosed:
		b.open = make(chan struct{})
	}
}

// watch probes the server until it responds.
func (b *breaker) watch() {
	defer b.done.Done()
	_, err := b.state()
	delay, accountDelay := b.every, accountFirstProbe
	for {
		wait := delay + rand.N(delay/4+1) //nolint:gosec // spreads the probes of many nodes
		if refusesAccount(err) {
			wait = max(wait, accountDelay)
			accountDelay = accountProbeDelay
		}
		select {
		case <-b.ctx.Done():
			return
		case <-time.After(wait):
		}
		if b.circuit.State() == gobreaker.StateClosed {
			return
		}
		_, err = b.circuit.Execute(func() (struct{}, error) {
			ctx, cancel := context.WithTimeout(b.ctx, b.limit)
			defer cancel()
			return struct{}{}, b.probe(ctx)
		})
		if err == nil {
			return
		}
		delay = min(2*delay, max(maxProbeDelay, b.every))
	}
}

func (b *breaker) close() {
	b.cancel()
	b.done.Wait()
}

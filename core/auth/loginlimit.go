package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// LoginLimit is the rate limit for logins of one source network.
type LoginLimit struct {
	Rate domain.Rate
	// FailuresOnly makes the limit count failed logins only: a login that did not fail releases its take.
	FailuresOnly bool
	// Exempt networks are not limited.
	Exempt domain.Networks
}

// endsWithin is how long a login waits for other logins of its source to end if those use up the rest of the limit.
const endsWithin = 10 * time.Second

// loginLimiter counts logins against a LoginLimit. Each login takes from the limit before any check. If only failures
// count, a login that exceeds the limit only because of logins in progress waits until one of them ends. Concurrent
// correct passwords are therefore not refused, and concurrent attempts never exceed the limit.
type loginLimiter struct {
	limit LoginLimit
	rates ports.RateLimiter
	clock ports.Clock

	mu      sync.Mutex
	sources map[string]*loginSource // sources with logins in progress
}

// loginSource is a source network with logins in progress.
type loginSource struct {
	users   int           // logins that have a take or wait for one
	pending int           // logins that have a take
	turn    chan struct{} // contains one token while a login requests a take
	ended   chan struct{} // closed and replaced when a login with a take ends
}

// loginTake is the share of one login in the limit.
type loginTake struct {
	key    string
	at     time.Time
	source *loginSource // nil if every login counts
	state  domain.RateState
}

func newLoginLimiter(limit LoginLimit, rates ports.RateLimiter, clock ports.Clock) *loginLimiter {
	return &loginLimiter{limit: limit, rates: rates, clock: clock, sources: map[string]*loginSource{}}
}

// around counts a login and runs it. The returned state is correct with every error, including fault.ErrRateLimited.
func (l *loginLimiter) around(ctx context.Context, from domain.Origin, signIn func() error) (state domain.RateState,
	err error,
) {
	if l.limit.Rate.IsOff() || l.limit.Exempt.Contains(from) {
		return domain.RateState{}, signIn()
	}
	take, err := l.take(ctx, "login:"+from.Network())
	if err != nil {
		return take.state, err
	}
	err = fault.ErrInternal // for a login that panics, which counts
	defer func() { state = l.end(ctx, take, err) }()
	err = signIn()
	return state, err
}

func (l *loginLimiter) take(ctx context.Context, key string) (loginTake, error) {
	if !l.limit.FailuresOnly {
		return l.request(ctx, key)
	}
	source := l.join(key)
	take, err := l.takeInTurn(ctx, key, source)
	if err != nil {
		l.leave(key, source)
		return take, err
	}
	take.source = source
	return take, nil
}

// request takes from the limit.
func (l *loginLimiter) request(ctx context.Context, key string) (loginTake, error) {
	now := l.clock.Now()
	state, err := ports.Take(ctx, l.rates, key, l.limit.Rate, now)
	return loginTake{key: key, at: now, state: state}, err
}

// takeInTurn requests a take after the earlier requests of the source have been answered.
func (l *loginLimiter) takeInTurn(ctx context.Context, key string, source *loginSource) (loginTake, error) {
	ctx, cancel := context.WithTimeout(ctx, endsWithin)
	defer cancel()
	select {
	case source.turn <- struct{}{}:
		defer func() { <-source.turn }()
	case <-ctx.Done():
		return loginTake{}, fault.ErrOverloaded.After(time.Second)
	}
	for {
		pending, ended := l.pendingOf(source)
		take, err := l.request(ctx, key)
		if err == nil {
			l.addPending(source)
			return take, nil
		}
		if pending == 0 || !errors.Is(err, fault.ErrRateLimited) {
			return take, err
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return loginTake{}, fault.ErrOverloaded.After(time.Second)
		}
	}
}

// end releases the take of a login unless it counts. A take that cannot be released stays counted.
func (l *loginLimiter) end(ctx context.Context, take loginTake, err error) domain.RateState {
	if take.source == nil {
		return take.state
	}
	defer l.release(take)
	if isFailedLogin(err) {
		return take.state
	}
	state, err := l.rates.Release(context.WithoutCancel(ctx), take.key, l.limit.Rate, take.at, l.clock.Now())
	if err != nil {
		return take.state
	}
	return state
}

// isFailedLogin reports whether a login counts as a failure: any refused login, except one whose password was correct
// and that lacks its second factor or a new password, and except one during an outage, which does not verify the
// password.
func isFailedLogin(err error) bool {
	return err != nil && !errors.Is(err, domain.ErrTwoFactorRequired) && !errors.Is(err, domain.ErrPasswordExpired) &&
		fault.Of(err).Kind != fault.Unavailable
}

func (l *loginLimiter) join(key string) *loginSource {
	l.mu.Lock()
	defer l.mu.Unlock()
	source, ok := l.sources[key]
	if !ok {
		source = &loginSource{turn: make(chan struct{}, 1), ended: make(chan struct{})}
		l.sources[key] = source
	}
	source.users++
	return source
}

func (l *loginLimiter) leave(key string, source *loginSource) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if source.users--; source.users == 0 {
		delete(l.sources, key)
	}
}

func (l *loginLimiter) pendingOf(source *loginSource) (pending int, ended <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return source.pending, source.ended
}

func (l *loginLimiter) addPending(source *loginSource) {
	l.mu.Lock()
	defer l.mu.Unlock()
	source.pending++
}

// release signals the waiting logins that a login has ended.
func (l *loginLimiter) release(take loginTake) {
	l.mu.Lock()
	take.source.pending--
	close(take.source.ended)
	take.source.ended = make(chan struct{})
	l.mu.Unlock()
	l.leave(take.key, take.source)
}

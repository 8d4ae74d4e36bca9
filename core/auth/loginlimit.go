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

// LoginLimit bounds the sign-ins of one source network.
type LoginLimit struct {
	Rate domain.Rate
	// FailuresOnly has a sign-in that did not fail give its take back.
	FailuresOnly bool
	// Exempt networks have no limit.
	Exempt domain.Networks
}

// endsWithin is how long a sign-in waits for others of its source to end where all that is left of the limit is theirs.
const endsWithin = 10 * time.Second

// loginLimiter counts sign-ins against a LoginLimit. Each takes its place before anything is checked. Where only failures
// count, sign-ins that would pass the limit only if others under way fail wait until one of those has ended: right passwords
// at the same moment are not refused, and racing guesses never get more than the limit.
type loginLimiter struct {
	limit LoginLimit
	rates ports.RateLimiter
	clock ports.Clock

	mu      sync.Mutex
	sources map[string]*loginSource // with sign-ins that hold a take or ask for one
}

// loginSource is a source network with sign-ins under way.
type loginSource struct {
	users   int           // sign-ins that hold or ask
	pending int           // sign-ins that hold a take
	turn    chan struct{} // holds one token while a sign-in asks for a take
	ended   chan struct{} // closed, and replaced, when one that held a take has ended
}

// loginTake is the place of one sign-in in the limit.
type loginTake struct {
	key    string
	at     time.Time
	source *loginSource // nil where every sign-in counts
	state  domain.RateState
}

func newLoginLimiter(limit LoginLimit, rates ports.RateLimiter, clock ports.Clock) *loginLimiter {
	return &loginLimiter{limit: limit, rates: rates, clock: clock, sources: map[string]*loginSource{}}
}

// around counts a sign-in and runs it. What is left of the limit is right with every error, fault.ErrRateLimited included.
func (l *loginLimiter) around(ctx context.Context, from domain.Origin, signIn func() error) (state domain.RateState, err error) {
	if l.limit.Rate.IsOff() || l.limit.Exempt.Contains(from) {
		return domain.RateState{}, signIn()
	}
	take, err := l.take(ctx, "login:"+from.Network())
	if err != nil {
		return take.state, err
	}
	err = fault.ErrInternal // of a sign-in that panics, which counts
	defer func() { state = l.end(ctx, take, err) }()
	err = signIn()
	return state, err
}

func (l *loginLimiter) take(ctx context.Context, key string) (loginTake, error) {
	if !l.limit.FailuresOnly {
		return l.ask(ctx, key)
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

// ask takes from the limit.
func (l *loginLimiter) ask(ctx context.Context, key string) (loginTake, error) {
	now := l.clock.Now()
	state, err := l.rates.Take(ctx, key, l.limit.Rate, now)
	if err == nil && !state.Allowed {
		err = fault.ErrRateLimited.Over(state.Limit, state.Reset)
	}
	return loginTake{key: key, at: now, state: state}, err
}

// takeInTurn asks when the sign-ins of the source that asked before have their answer.
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
		take, err := l.ask(ctx, key)
		if err == nil {
			l.hold(source)
			return take, nil
		}
		if pending == 0 || !errors.Is(err, fault.ErrRateLimited) || !ports.IsThere(ctx) {
			return take, err
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return loginTake{}, fault.ErrOverloaded.After(time.Second)
		}
	}
}

// end gives the take of a sign-in back unless it counts. One that cannot be given back stays counted.
func (l *loginLimiter) end(ctx context.Context, take loginTake, err error) domain.RateState {
	if take.source == nil {
		return take.state
	}
	defer l.release(take)
	if isFailedLogin(err) {
		return take.state
	}
	state, err := l.rates.GiveBack(context.WithoutCancel(ctx), take.key, l.limit.Rate, take.at, l.clock.Now())
	if err != nil {
		return take.state
	}
	return state
}

// isFailedLogin reports whether a sign-in counts as a failure: any that was refused, but for one whose password was right and
// that lacks its second factor or a new password, and for an outage, after which nothing is known of the password.
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

func (l *loginLimiter) hold(source *loginSource) {
	l.mu.Lock()
	defer l.mu.Unlock()
	source.pending++
}

// release tells those who wait that a sign-in has ended.
func (l *loginLimiter) release(take loginTake) {
	l.mu.Lock()
	take.source.pending--
	close(take.source.ended)
	take.source.ended = make(chan struct{})
	l.mu.Unlock()
	l.leave(take.key, take.source)
}

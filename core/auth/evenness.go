package auth

import (
	"context"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// maxPad bounds how long a refusal is held back.
	maxPad = 2 * time.Second
	// maxSamples is how many of the last durations are remembered.
	maxSamples = 32
)

// directoryTimes remembers how long outside directories lately took to refuse names that no user has. The refusal of a user is
// held back by one of these times: else those whom no outside directory is asked about, or only one of several, would be told
// from unknown names by the missing time.
type directoryTimes struct {
	mu     sync.Mutex
	recent []time.Duration
	next   int // to be replaced
	used   int // to be waited for
	wait   func(context.Context, time.Duration)
}

func newDirectoryTimes() *directoryTimes { return &directoryTimes{wait: wait} }

// note remembers a duration.
func (t *directoryTimes) note(took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.recent) < maxSamples {
		t.recent = append(t.recent, took)
		return
	}
	t.recent[t.next] = took
	t.next = (t.next + 1) % maxSamples
}

// pad waits for what is left of one of the remembered durations, each in its turn, after as much was spent.
func (t *directoryTimes) pad(ctx context.Context, spent time.Duration) {
	if rest := min(t.sample()-spent, maxPad); rest > 0 {
		t.wait(ctx, rest)
	}
}

func (t *directoryTimes) sample() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.recent) == 0 {
		return 0
	}
	t.used++
	return t.recent[t.used%len(t.recent)]
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// admits reports whether the password was right and its user may sign in.
func (v *verdict) admits() bool {
	switch v.Outcome {
	case domain.OutcomeOK, domain.OutcomeMustChange, domain.OutcomeExpired:
		return v.user.Status == domain.StatusActive
	default:
		return false
	}
}

// even has a refusal take as long as that of a name that no user has: the time of the directories, and one hash. That holds for a
// right password, too, that is refused for another reason: its time would tell that it is right.
func (s *Service) even(ctx context.Context, a *attempt, check *verdict) error {
	if check.admits() || check.Outcome == domain.OutcomeLocked {
		return nil
	}
	if a.subject.known() {
		s.directoryTimes.pad(ctx, check.asked)
	}
	if check.hashed {
		return nil
	}
	return s.sameWork(ctx, a.in.Password)
}

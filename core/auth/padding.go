package auth

import (
	"context"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// maxPad is the longest time by which a refusal is delayed.
	maxPad = 2 * time.Second
	// maxSamples is the number of recent durations that are stored.
	maxSamples = 32
)

// directoryTimes stores how long external directories recently took to refuse unknown names. The refusal of a known
// user is padded by one of these times. Otherwise a user whose password no external directory verifies, or only one of
// several, could be distinguished from an unknown name by the missing time.
type directoryTimes struct {
	mu     sync.Mutex
	recent []time.Duration
	next   int // index of the sample to replace
	used   int // index of the sample to use next
	wait   func(context.Context, time.Duration)
}

func newDirectoryTimes() *directoryTimes { return &directoryTimes{wait: wait} }

// note stores a duration.
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

// pad waits for the rest of one of the stored durations, in rotation, after spent has passed.
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
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// admits reports whether the password was correct and its user may log in.
func (v *verdict) admits() bool {
	switch v.Outcome {
	case domain.OutcomeOK, domain.OutcomeMustChange, domain.OutcomeExpired:
		return v.user.Status == domain.StatusActive
	default:
		return false
	}
}

// padRefusal makes a refusal take as long as that of an unknown name: the time of the directories, and one hash. This
// includes a correct password that is refused for another reason, whose time would reveal that it is correct.
func (s *Service) padRefusal(ctx context.Context, a *attempt, check *verdict) error {
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

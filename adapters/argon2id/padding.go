package argon2id

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// headroom is how much longer refusals take than the slowest foreign hash did: checks of the same hash differ a
	// little.
	headroom = 4 // a fourth
	// maxPadding bounds the wait, whatever a busy machine made of one check.
	maxPadding = 2 * time.Second
	// fade is how fast the minimum of a kind follows down to what its hashes take: by a 32nd of the difference with each.
	fade = 32
	// maxKinds limits the kinds of foreign hashes that are distinguished; further kinds share one minimum.
	maxKinds = 16
)

// padding pads the response time of refused passwords to a common minimum. Foreign hashes may take several times as
// long to verify as ours, or as the dummy hash of an unknown user. Once a hash of a kind has been verified, every
// refusal takes as long as the slowest kind, so that the response time does not reveal that the user exists. The wait
// occupies no processor and no slot of the gate.
type padding struct {
	length atomic.Int64 // the longest of the kinds
	now    func() time.Time
	sleep  func(context.Context, time.Duration)

	mu    sync.Mutex
	kinds map[string]int64
}

func newPadding() *padding {
	return &padding{now: time.Now, sleep: sleep, kinds: map[string]int64{}} //nolint:forbidigo // how long work took, whatever the time
}

// learn takes note of how long a foreign hash of the kind took. Checks of a faster kind do not lower the minimum of a
// slower one.
func (f *padding) learn(kind string, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.kinds[kind]; !ok && len(f.kinds) >= maxKinds {
		kind = ""
	}
	want, have := int64(min(took+took/headroom, maxPadding)), f.kinds[kind]
	if want < have {
		want = have - (have-want)/fade
	}
	f.kinds[kind] = want
	f.length.Store(slices.Max(slices.Collect(maps.Values(f.kinds))))
}

// isMeasured reports whether the cost of a hash kind was measured, or the limit of kinds is reached.
func (f *padding) isMeasured(kind string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.kinds[kind]
	return ok || len(f.kinds) >= maxKinds
}

// reach waits until as much has passed since the check began.
func (f *padding) reach(ctx context.Context, took time.Duration) {
	if remaining := time.Duration(f.length.Load()) - took; remaining > 0 {
		f.sleep(ctx, remaining)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

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
	// headroom is how much longer refusals take than the slowest foreign hash did: checks of the same hash differ a little.
	headroom = 4 // a fourth
	// maxFloor bounds the wait, whatever a busy machine made of one check.
	maxFloor = 2 * time.Second
	// fade is how fast the floor of a kind follows down to what its hashes take: by a 32nd of the difference with each.
	fade = 32
	// maxKinds bounds how many kinds of foreign hashes are told apart; those beyond it share one floor.
	maxKinds = 16
)

// floor is the shortest time after which a wrong password is told. Hashes from elsewhere may take several times as long as
// ours, or a hash of nobody: as soon as one of a kind has been checked, every refusal takes as long as the slowest kind does,
// so that its time does not tell that the account exists. The wait costs no processor and no place of the gate.
type floor struct {
	length atomic.Int64 // the longest of the kinds
	now    func() time.Time
	sleep  func(context.Context, time.Duration)

	mu    sync.Mutex
	kinds map[string]int64
}

func newFloor() *floor {
	return &floor{now: time.Now, sleep: sleep, kinds: map[string]int64{}} //nolint:forbidigo // how long work took, whatever the time
}

// learn takes note of how long a foreign hash of the kind took. Checks of a faster kind do not lower the floor of a slower one.
func (f *floor) learn(kind string, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.kinds[kind]; !ok && len(f.kinds) >= maxKinds {
		kind = ""
	}
	want, have := int64(min(took+took/headroom, maxFloor)), f.kinds[kind]
	if want < have {
		want = have - (have-want)/fade
	}
	f.kinds[kind] = want
	f.length.Store(slices.Max(slices.Collect(maps.Values(f.kinds))))
}

// isMeasured reports whether a hash of the kind was learned, or as many kinds as are told apart.
func (f *floor) isMeasured(kind string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.kinds[kind]
	return ok || len(f.kinds) >= maxKinds
}

// reach waits until as much has passed since the check began.
func (f *floor) reach(ctx context.Context, took time.Duration) {
	if rest := time.Duration(f.length.Load()) - took; rest > 0 {
		f.sleep(ctx, rest)
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

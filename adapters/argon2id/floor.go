package argon2id

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// headroom is how much longer refusals take than the slowest foreign hash did: checks of the same hash differ a little.
	headroom = 4 // a fourth
	// maxFloor bounds the wait, whatever a busy machine made of one check.
	maxFloor = 2 * time.Second
	// fade is how fast the floor follows down to what foreign hashes take: by a 32nd of the difference with each.
	fade = 32
)

// floor is the shortest time after which a wrong password is told. Hashes from elsewhere may take several times as long as
// ours, or a hash of nobody: as soon as one has been checked, every refusal takes as long as the slowest of them does, so
// that its time does not tell that the account exists. The wait costs no processor and no place of the gate.
type floor struct {
	length atomic.Int64
	now    func() time.Time
	sleep  func(context.Context, time.Duration)
}

func newFloor() *floor {
	return &floor{now: time.Now, sleep: sleep} //nolint:forbidigo // how long work took, whatever the time
}

// learn takes note of how long a foreign hash took.
func (f *floor) learn(took time.Duration) {
	want := int64(min(took+took/headroom, maxFloor))
	for {
		have := f.length.Load()
		next := want
		if want < have {
			next = have - (have-want)/fade
		}
		if f.length.CompareAndSwap(have, next) {
			return
		}
	}
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

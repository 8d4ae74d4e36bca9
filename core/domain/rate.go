package domain

import (
	"fmt"
	"time"
)

// Rate allows Limit things in any Window. The zero Rate is no limit.
type Rate struct {
	Limit  int
	Window time.Duration
}

// IsOff reports whether there is no limit.
func (r Rate) IsOff() bool { return r.Limit <= 0 || r.Window <= 0 }

// String returns the rate in the form of the configuration, such as "5/1m0s", or "off".
func (r Rate) String() string {
	if r.IsOff() {
		return "off"
	}
	return fmt.Sprintf("%d/%s", r.Limit, r.Window)
}

// RateState is what is left of a limit after a take; it becomes the RateLimit headers.
type RateState struct {
	Allowed   bool
	Limit     int
	Remaining int
	Reset     time.Duration // until one more is free; until all are, while none is used up
}

// RateWindow holds the times of what a limit let through: a sliding window, exact at any moment.
type RateWindow struct {
	Taken []time.Time // oldest first
}

// Take asks for one more.
func (w *RateWindow) Take(rate Rate, now time.Time) RateState {
	if rate.IsOff() {
		return RateState{Allowed: true}
	}
	live := 0
	for live < len(w.Taken) && now.Sub(w.Taken[live]) >= rate.Window {
		live++
	}
	w.Taken = w.Taken[live:]
	state := RateState{Limit: rate.Limit}
	if len(w.Taken) < rate.Limit {
		w.Taken = append(w.Taken, now)
		state.Allowed = true
	}
	state.Remaining = max(0, rate.Limit-len(w.Taken))
	state.Reset = w.Taken[0].Add(rate.Window).Sub(now)
	return state
}

package domain

import (
	"fmt"
	"slices"
	"time"
)

// Rate allows Limit events in any Window. The zero Rate is no limit.
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

// RateState is the state of a limit after a call of Take, as clients are informed of it.
type RateState struct {
	Allowed   bool
	Limit     int
	Remaining int
	Reset     time.Duration // until the oldest event leaves the window
}

// RateWindow stores the times of the allowed events: a sliding window, exact at any moment.
type RateWindow struct {
	Taken []time.Time // oldest first
}

// Take counts one more event if the rate allows it, and returns the new state.
func (w *RateWindow) Take(rate Rate, now time.Time) RateState {
	if rate.IsOff() {
		return RateState{Allowed: true}
	}
	w.prune(rate, now)
	allowed := len(w.Taken) < rate.Limit
	if allowed {
		w.Taken = append(w.Taken, now)
	}
	return w.state(rate, allowed, now)
}

// Release removes one event that was counted at the time taken, if it is still in the window, and returns the new
// state.
func (w *RateWindow) Release(rate Rate, taken, now time.Time) RateState {
	if rate.IsOff() {
		return RateState{Allowed: true}
	}
	w.prune(rate, now)
	if at := slices.IndexFunc(w.Taken, taken.Equal); at >= 0 {
		w.Taken = slices.Delete(w.Taken, at, at+1)
	}
	return w.state(rate, true, now)
}

// prune removes the events that have left the window.
func (w *RateWindow) prune(rate Rate, now time.Time) {
	live := 0
	for live < len(w.Taken) && now.Sub(w.Taken[live]) >= rate.Window {
		live++
	}
	w.Taken = w.Taken[live:]
}

func (w *RateWindow) state(rate Rate, allowed bool, now time.Time) RateState {
	state := RateState{Allowed: allowed, Limit: rate.Limit, Remaining: max(0, rate.Limit-len(w.Taken))}
	if len(w.Taken) > 0 {
		state.Reset = w.Taken[0].Add(rate.Window).Sub(now)
	}
	return state
}

// Tighter returns the state with fewer events remaining. A state without a limit is ignored.
func (s RateState) Tighter(other RateState) RateState {
	if other.Limit > 0 && (s.Limit <= 0 || other.Remaining < s.Remaining) {
		return other
	}
	return s
}

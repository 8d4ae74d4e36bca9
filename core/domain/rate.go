package domain

import (
	"fmt"
	"slices"
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
	w.prune(rate, now)
	allowed := len(w.Taken) < rate.Limit
	if allowed {
		w.Taken = append(w.Taken, now)
	}
	return w.state(rate, allowed, now)
}

// GiveBack removes one take of the time, if the window still holds it, and returns what is left of the limit.
func (w *RateWindow) GiveBack(rate Rate, taken, now time.Time) RateState {
	if rate.IsOff() {
		return RateState{Allowed: true}
	}
	w.prune(rate, now)
	if at := slices.IndexFunc(w.Taken, taken.Equal); at >= 0 {
		w.Taken = slices.Delete(w.Taken, at, at+1)
	}
	return w.state(rate, true, now)
}

// prune removes what has left the window.
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

// Tighter returns the state of which less remains; a state without a limit is none.
func (s RateState) Tighter(other RateState) RateState {
	if other.Limit > 0 && (s.Limit <= 0 || other.Remaining < s.Remaining) {
		return other
	}
	return s
}

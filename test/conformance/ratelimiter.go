package conformance

import (
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// RateLimiter tests a ports.RateLimiter.
func RateLimiter(t *testing.T, open Open) {
	rate := domain.Rate{Limit: 5, Window: time.Minute}
	take := func(t *testing.T, s Stores, key string, at time.Duration) domain.RateState {
		t.Helper()
		state, err := s.Rates.Take(t.Context(), key, rate, epoch.Add(at))
		must(t, err)
		return state
	}
	cases(t, open, map[string]func(*testing.T, Stores){
		"has no limit where it is off": func(t *testing.T, s Stores) {
			for range 20 {
				state, err := s.Rates.Take(t.Context(), "k", domain.Rate{}, epoch)
				must(t, err)
				if !state.Allowed {
					t.Error("refused")
				}
			}
		},
		"is exact over a sliding window": func(t *testing.T, s Stores) {
			for i := range 5 {
				state := take(t, s, "k", time.Duration(i)*10*time.Second)
				if !state.Allowed || state.Remaining != 4-i || state.Limit != 5 {
					t.Errorf("take %d: %+v", i, state)
				}
			}
			if state := take(t, s, "k", 59*time.Second); state.Allowed || state.Reset != time.Second {
				t.Errorf("the sixth within the window: %+v", state)
			}
			if state := take(t, s, "k", 60*time.Second); !state.Allowed {
				t.Errorf("after the first has left the window: %+v", state)
			}
			if state := take(t, s, "k", 61*time.Second); state.Allowed {
				t.Errorf("the next within the window: %+v", state)
			}
		},
		"counts keys apart": func(t *testing.T, s Stores) {
			for range 5 {
				take(t, s, "a", 0)
			}
			if !take(t, s, "b", 0).Allowed || take(t, s, "a", 0).Allowed {
				t.Error("one key counts for another")
			}
		},
		"gives back one take": func(t *testing.T, s Stores) {
			giveBack := func(key string, taken, at time.Duration) domain.RateState {
				t.Helper()
				state, err := s.Rates.Release(t.Context(), key, rate, epoch.Add(taken), epoch.Add(at))
				must(t, err)
				return state
			}
			same(t, giveBack("k", 0, 0), domain.RateState{Allowed: true, Limit: 5, Remaining: 5})
			for range 5 {
				take(t, s, "k", 10*time.Second)
			}
			if take(t, s, "k", 11*time.Second).Allowed || take(t, s, "k", 12*time.Second).Allowed {
				t.Error("the sixth was allowed")
			}
			same(t, giveBack("k", 10*time.Second, 20*time.Second),
				domain.RateState{Allowed: true, Limit: 5, Remaining: 1, Reset: 50 * time.Second})
			same(t, giveBack("k", 9*time.Second, 20*time.Second),
				domain.RateState{Allowed: true, Limit: 5, Remaining: 1, Reset: 50 * time.Second})
			if !take(t, s, "k", 21*time.Second).Allowed || take(t, s, "k", 22*time.Second).Allowed {
				t.Error("one take given back does not allow exactly one")
			}
			same(t, giveBack("k", 10*time.Second, 70*time.Second),
				domain.RateState{Allowed: true, Limit: 5, Remaining: 4, Reset: 11 * time.Second})
			state, err := s.Rates.Release(t.Context(), "k", domain.Rate{}, epoch, epoch)
			must(t, err)
			same(t, state, domain.RateState{Allowed: true})
		},
		"counts exactly what racing takers do not give back": func(t *testing.T, s Stores) {
			refused := func(err error) bool { return errors.Is(err, errRefused) }
			wide := domain.Rate{Limit: 40, Window: time.Minute}
			race(t, 40, refused, func(i int) error {
				state, err := s.Rates.Take(t.Context(), "k", wide, epoch)
				if err != nil || !state.Allowed {
					return errors.Join(err, errRefused)
				}
				if i%4 != 0 {
					_, err = s.Rates.Release(t.Context(), "k", wide, epoch, epoch)
				}
				return err
			})
			state, err := s.Rates.Take(t.Context(), "k", wide, epoch)
			must(t, err)
			if state.Remaining != 29 {
				t.Errorf("%d remain, want 29", state.Remaining)
			}
		},
		"allows racing takers exactly the limit": func(t *testing.T, s Stores) {
			refused := func(err error) bool { return errors.Is(err, errRefused) }
			allowed := race(t, 60, refused, func(int) error {
				state, err := s.Rates.Take(t.Context(), "k", rate, epoch)
				if err == nil && !state.Allowed {
					return errRefused
				}
				return err
			})
			if allowed != rate.Limit {
				t.Errorf("%d were allowed, want %d", allowed, rate.Limit)
			}
		},
	})
}

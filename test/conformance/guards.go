package conformance

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// AdminGuard tests a ports.AdminGuard.
func AdminGuard(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"holds who has joined and not left": func(t *testing.T, s Stores) {
			must(t, s.Guard.Join(t.Context(), "usr_a", "usr_b"))
			must(t, s.Guard.Join(t.Context(), "usr_b", "usr_c"))
			must(t, s.Guard.Leave(t.Context(), "usr_a"))
			members(t, s, "usr_b", "usr_c")
		},
		"keeps the last one": func(t *testing.T, s Stores) {
			must(t, s.Guard.Join(t.Context(), "usr_a", "usr_b"))
			if err := s.Guard.Leave(t.Context(), "usr_a", "usr_b"); !errors.Is(err, domain.ErrLastAdmin) {
				t.Errorf("got %v, want ErrLastAdmin", err)
			}
			members(t, s, "usr_a", "usr_b")
		},
		"passes over those who are not in": func(t *testing.T, s Stores) {
			must(t, s.Guard.Leave(t.Context(), "usr_x"))
			must(t, s.Guard.Leave(t.Context()))
			must(t, s.Guard.Join(t.Context(), "usr_a"))
			must(t, s.Guard.Leave(t.Context(), "usr_x", "usr_y"))
			members(t, s, "usr_a")
		},
		"keeps one of racing leavers": func(t *testing.T, s Stores) {
			const n = 20
			for i := range n {
				must(t, s.Guard.Join(t.Context(), domain.UserID(fmt.Sprint("usr_", i))))
			}
			last := func(err error) bool { return errors.Is(err, domain.ErrLastAdmin) }
			left := race(t, n, last, func(i int) error { return s.Guard.Leave(t.Context(), domain.UserID(fmt.Sprint("usr_", i))) })
			ids, err := s.Guard.Members(t.Context())
			must(t, err)
			if left != n-1 || len(ids) != 1 {
				t.Errorf("%d left and %d are in, want all but one", left, len(ids))
			}
		},
	})
}

func members(t *testing.T, s Stores, want ...domain.UserID) {
	t.Helper()
	got, err := s.Guard.Members(t.Context())
	must(t, err)
	slices.Sort(got)
	same(t, got, want)
}

// AttemptStore tests a ports.AttemptStore.
func AttemptStore(t *testing.T, open Open) {
	policy := domain.DefaultSettings().Lockout
	cases(t, open, heldAttempts())
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives an empty document where there is none": func(t *testing.T, s Stores) {
			got, err := s.Attempts.GetAttempts(t.Context(), "nobody")
			must(t, err)
			same(t, got, domain.Attempts{})
		},
		"gives back every field as it was given": func(t *testing.T, s Stores) {
			want := domain.Attempts{
				Failures: []domain.Attempt{{ID: "a", Source: "net", At: epoch, Pending: true}, {ID: "b", Source: "net", At: epoch, Settled: true}},
				Familiar: map[string]time.Time{"192.0.2.1": epoch}, Locks: map[string]time.Time{"2001:db8::/64": epoch.Add(time.Hour)},
				LockedUntil: epoch.Add(time.Minute),
			}
			must(t, s.Attempts.UpdateAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				*a = want.Clone()
				return nil
			}))
			got, err := s.Attempts.GetAttempts(t.Context(), "jane")
			must(t, err)
			same(t, got, want)
		},
		"lists the documents that there are, by account": func(t *testing.T, s Stores) {
			want := map[string]domain.Attempts{}
			for i, account := range []string{"jane", "john", "jack"} {
				a := domain.Attempts{LockedUntil: epoch.Add(time.Duration(i+1) * time.Minute)}
				must(t, s.Attempts.UpdateAttempts(t.Context(), account, epoch, func(kept *domain.Attempts, _ *domain.Outbox) error {
					*kept = a.Clone()
					return nil
				}))
				if account != "jack" {
					want[account] = a
				}
			}
			got, err := s.Attempts.ListAttempts(t.Context(), "jane", "nobody", "john")
			must(t, err)
			same(t, got, want)
			got, err = s.Attempts.ListAttempts(t.Context())
			must(t, err)
			same(t, got, map[string]domain.Attempts{})
		},
		"leaves nothing of a refused change": func(t *testing.T, s Stores) {
			for _, failure := range []error{errRefused, domain.ErrUnchanged} {
				err := s.Attempts.UpdateAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, out *domain.Outbox) error {
					a.LockedUntil = epoch
					*out = outbox(domain.ActionAccountLocked, "jane")
					return failure
				})
				if !errors.Is(err, errRefused) && (err != nil || errors.Is(failure, errRefused)) {
					t.Errorf("got %v for %v", err, failure)
				}
			}
			got, err := s.Attempts.GetAttempts(t.Context(), "jane")
			must(t, err)
			same(t, got, domain.Attempts{})
			if n := len(entriesAbout(t, s, "jane")); n != 0 {
				t.Errorf("%d entries were left", n)
			}
		},
		"grants racing guesses no more attempts than allowed": func(t *testing.T, s Stores) {
			refused := func(err error) bool { return errors.Is(err, errRefused) }
			granted := race(t, 100, refused, func(i int) error {
				return s.Attempts.UpdateAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
					if answer, _ := a.Reserve(strconv.Itoa(i), "net", policy, epoch); answer != domain.AttemptGranted {
						return errRefused
					}
					return nil
				})
			})
			if granted != policy.MaxAttempts {
				t.Errorf("%d were granted, want %d", granted, policy.MaxAttempts)
			}
		},
		"writes the outbox with the change": func(t *testing.T, s Stores) {
			must(t, s.Attempts.UpdateAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, out *domain.Outbox) error {
				a.LockedUntil = epoch.Add(time.Hour)
				*out = outbox(domain.ActionAccountLocked, "jane")
				return nil
			}))
			if n, m := len(entriesAbout(t, s, "jane")), len(claimAll(t, s)); n != 1 || m != 1 {
				t.Errorf("%d entries and %d messages, want one of each", n, m)
			}
		},
	})
}

// heldAttempts returns the cases of volatile and asynchronous updates.
func heldAttempts() map[string]func(*testing.T, Stores) {
	policy := domain.DefaultSettings().Lockout
	reserve := func(t *testing.T, s Stores, id string) error {
		t.Helper()
		return s.Attempts.HoldAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
			if answer, _ := a.Reserve(id, "net", policy, epoch); answer != domain.AttemptGranted {
				return errRefused
			}
			return nil
		})
	}
	pending := func(t *testing.T, s Stores, want int) {
		t.Helper()
		a, err := s.Attempts.GetAttempts(t.Context(), "jane")
		must(t, err)
		if len(a.Failures) != want {
			t.Errorf("%d attempts are counted, want %d", len(a.Failures), want)
		}
	}
	return map[string]func(*testing.T, Stores){
		"holds no more attempts for racing guesses than allowed": func(t *testing.T, s Stores) {
			refused := func(err error) bool { return errors.Is(err, errRefused) }
			granted := race(t, 100, refused, func(i int) error { return reserve(t, s, strconv.Itoa(i)) })
			if granted != policy.MaxAttempts {
				t.Errorf("%d were held, want %d", granted, policy.MaxAttempts)
			}
			pending(t, s, policy.MaxAttempts)
		},
		"sees what was eased at the next call": func(t *testing.T, s Stores) {
			for i := range 3 * policy.MaxAttempts {
				id := strconv.Itoa(i)
				must(t, reserve(t, s, id))
				s.Attempts.EaseAttempts("jane", epoch, func(a *domain.Attempts) { a.Release(id) })
			}
			pending(t, s, 0)
		},
		"keeps what was held and eased through a change": func(t *testing.T, s Stores) {
			must(t, reserve(t, s, "one"))
			must(t, reserve(t, s, "two"))
			s.Attempts.EaseAttempts("jane", epoch, func(a *domain.Attempts) { a.Release("one") })
			must(t, s.Attempts.UpdateAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				a.LockedUntil = epoch.Add(time.Hour)
				return nil
			}))
			a, err := s.Attempts.GetAttempts(t.Context(), "jane")
			must(t, err)
			if len(a.Failures) != 1 || a.Failures[0].ID != "two" || !a.LockedUntil.Equal(epoch.Add(time.Hour)) {
				t.Errorf("%d attempts are counted and the lock is until %s", len(a.Failures), a.LockedUntil)
			}
		},
		"loses no change to racing reservations": func(t *testing.T, s Stores) {
			must(t, s.Attempts.UpdateAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				a.Familiar = map[string]time.Time{"other": epoch}
				return nil
			}))
			race(t, 50, never, func(i int) error {
				id := strconv.Itoa(i)
				if i%2 == 0 {
					return s.Attempts.UpdateAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
						a.Failures = append(a.Failures, domain.Attempt{ID: id, Source: "far", At: epoch})
						return nil
					})
				}
				err := s.Attempts.HoldAttempts(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
					a.Failures = append(a.Failures, domain.Attempt{ID: id, Source: "net", At: epoch, Pending: true})
					return nil
				})
				s.Attempts.EaseAttempts("jane", epoch, func(a *domain.Attempts) { a.Release(id) })
				return err
			})
			pending(t, s, 25)
		},
	}
}

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
			same(t, giveBack("k", 10*time.Second, 20*time.Second), domain.RateState{Allowed: true, Limit: 5, Remaining: 1, Reset: 50 * time.Second})
			same(t, giveBack("k", 9*time.Second, 20*time.Second), domain.RateState{Allowed: true, Limit: 5, Remaining: 1, Reset: 50 * time.Second})
			if !take(t, s, "k", 21*time.Second).Allowed || take(t, s, "k", 22*time.Second).Allowed {
				t.Error("one take given back does not allow exactly one")
			}
			same(t, giveBack("k", 10*time.Second, 70*time.Second), domain.RateState{Allowed: true, Limit: 5, Remaining: 4, Reset: 11 * time.Second})
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

package conformance

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// AttemptStore tests a ports.AttemptStore.
func AttemptStore(t *testing.T, open Open) {
	policy := domain.DefaultSettings().Lockout
	cases(t, open, reservations())
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives an empty document where there is none": func(t *testing.T, s Stores) {
			got, err := s.Attempts.Get(t.Context(), "nobody")
			must(t, err)
			same(t, got, domain.Attempts{})
		},
		"gives back every field as it was given": func(t *testing.T, s Stores) {
			want := domain.Attempts{
				Failures: []domain.Attempt{
					{ID: "a", Source: "net", At: epoch, Pending: true},
					{ID: "b", Source: "net", At: epoch, Settled: true},
				},
				Familiar:    map[string]time.Time{"192.0.2.1": epoch},
				Locks:       map[string]time.Time{"2001:db8::/64": epoch.Add(time.Hour)},
				LockedUntil: epoch.Add(time.Minute),
			}
			must(t, s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				*a = want.Clone()
				return nil
			}))
			got, err := s.Attempts.Get(t.Context(), "jane")
			must(t, err)
			same(t, got, want)
		},
		"lists the documents that there are, by account": func(t *testing.T, s Stores) {
			want := map[string]domain.Attempts{}
			for i, account := range []string{"jane", "john", "jack"} {
				a := domain.Attempts{LockedUntil: epoch.Add(time.Duration(i+1) * time.Minute)}
				must(t, s.Attempts.Update(t.Context(), account, epoch, func(kept *domain.Attempts, _ *domain.Outbox) error {
					*kept = a.Clone()
					return nil
				}))
				if account != "jack" {
					want[account] = a
				}
			}
			got, err := s.Attempts.List(t.Context(), "jane", "nobody", "john")
			must(t, err)
			same(t, got, want)
			got, err = s.Attempts.List(t.Context())
			must(t, err)
			same(t, got, map[string]domain.Attempts{})
		},
		"leaves nothing of a refused change": func(t *testing.T, s Stores) {
			for _, failure := range []error{errRefused, domain.ErrUnchanged} {
				err := s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, out *domain.Outbox) error {
					a.LockedUntil = epoch
					*out = outbox(domain.ActionAccountLocked, "jane")
					return failure
				})
				if !errors.Is(err, errRefused) && (err != nil || errors.Is(failure, errRefused)) {
					t.Errorf("got %v for %v", err, failure)
				}
			}
			got, err := s.Attempts.Get(t.Context(), "jane")
			must(t, err)
			same(t, got, domain.Attempts{})
			if n := len(entriesAbout(t, s, "jane")); n != 0 {
				t.Errorf("%d entries were left", n)
			}
		},
		"grants racing guesses no more attempts than allowed": func(t *testing.T, s Stores) {
			refused := func(err error) bool { return errors.Is(err, errRefused) }
			granted := race(t, 100, refused, func(i int) error {
				return s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
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
			must(t, s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, out *domain.Outbox) error {
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

// reservations returns the cases of pending attempts.
func reservations() map[string]func(*testing.T, Stores) {
	policy := domain.DefaultSettings().Lockout
	reserve := func(t *testing.T, s Stores, id string) error {
		t.Helper()
		return s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
			if answer, _ := a.Reserve(id, "net", policy, epoch); answer != domain.AttemptGranted {
				return errRefused
			}
			return nil
		})
	}
	pending := func(t *testing.T, s Stores, want int) {
		t.Helper()
		a, err := s.Attempts.Get(t.Context(), "jane")
		must(t, err)
		if len(a.Failures) != want {
			t.Errorf("%d attempts are counted, want %d", len(a.Failures), want)
		}
	}
	return map[string]func(*testing.T, Stores){
		"reserves no more racing attempts than allowed": func(t *testing.T, s Stores) {
			refused := func(err error) bool { return errors.Is(err, errRefused) }
			granted := race(t, 100, refused, func(i int) error { return reserve(t, s, strconv.Itoa(i)) })
			if granted != policy.MaxAttempts {
				t.Errorf("%d were reserved, want %d", granted, policy.MaxAttempts)
			}
			pending(t, s, policy.MaxAttempts)
		},
		"sees a released attempt at the next call": func(t *testing.T, s Stores) {
			for i := range 3 * policy.MaxAttempts {
				id := strconv.Itoa(i)
				must(t, reserve(t, s, id))
				s.Attempts.UpdateAsync("jane", epoch, func(a *domain.Attempts) { a.Release(id) })
			}
			pending(t, s, 0)
		},
		"keeps reservations and releases through a durable change": func(t *testing.T, s Stores) {
			must(t, reserve(t, s, "one"))
			must(t, reserve(t, s, "two"))
			s.Attempts.UpdateAsync("jane", epoch, func(a *domain.Attempts) { a.Release("one") })
			must(t, s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				a.LockedUntil = epoch.Add(time.Hour)
				return nil
			}))
			a, err := s.Attempts.Get(t.Context(), "jane")
			must(t, err)
			if len(a.Failures) != 1 || a.Failures[0].ID != "two" || !a.LockedUntil.Equal(epoch.Add(time.Hour)) {
				t.Errorf("%d attempts are counted and the lock is until %s", len(a.Failures), a.LockedUntil)
			}
		},
		"loses no change to racing reservations": func(t *testing.T, s Stores) {
			must(t, s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				a.Familiar = map[string]time.Time{"other": epoch}
				return nil
			}))
			race(t, 50, never, func(i int) error {
				id := strconv.Itoa(i)
				if i%2 == 0 {
					return s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
						a.Failures = append(a.Failures, domain.Attempt{ID: id, Source: "far", At: epoch})
						return nil
					})
				}
				err := s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
					a.Failures = append(a.Failures, domain.Attempt{ID: id, Source: "net", At: epoch, Pending: true})
					return nil
				})
				s.Attempts.UpdateAsync("jane", epoch, func(a *domain.Attempts) { a.Release(id) })
				return err
			})
			pending(t, s, 25)
		},
	}
}

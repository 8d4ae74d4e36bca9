package conformance

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

func userIncrements(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	race(t, 200, never, func(int) error {
		_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
			u.KeyEpoch++
			return nil
		})
		return err
	})
	got, err := s.Users.Get(t.Context(), u.ID)
	must(t, err)
	if got.KeyEpoch != 200 {
		t.Errorf("200 increments made %d", got.KeyEpoch)
	}
}

func userNameRace(t *testing.T, s Stores) {
	taken := func(err error) bool { return errors.Is(err, domain.ErrUserExists) }
	wins := race(t, 20, taken, func(i int) error {
		u := newUser(i)
		u.UsernameKey = "wanted"
		return s.Users.Create(t.Context(), u, outbox(domain.ActionUserCreate, "wanted"))
	})
	if wins != 1 {
		t.Errorf("%d users got the name", wins)
	}
	if n := len(entriesAbout(t, s, "wanted")); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

func userEntriesRace(t *testing.T, s Stores) {
	const users, changes = 5, 20
	ids := make([]domain.UserID, users)
	for i := range ids {
		u := newUser(i)
		ids[i] = u.ID
		must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	}
	race(t, users*changes, never, func(i int) error {
		_, err := s.Users.Update(t.Context(), ids[i%users], func(u *domain.User, out *domain.Outbox) error {
			u.KeyEpoch++
			out.Record(newEntry(domain.ActionUserUpdate, fmt.Sprint("change-", i)))
			return nil
		})
		return err
	})
	for i := range users * changes {
		if n := len(entriesAbout(t, s, fmt.Sprint("change-", i))); n != 1 {
			t.Errorf("change %d has %d entries", i, n)
		}
	}
}

func userTokenRace(t *testing.T, s Stores) {
	u := newUser(1)
	u.Tokens = []domain.UserToken{{Purpose: domain.TokenReset, Digest: []byte("d"), ExpiresAt: epoch.Add(time.Hour)}}
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	used := func(err error) bool { return errors.Is(err, domain.ErrInvalidToken) }
	wins := race(t, 50, used, func(int) error {
		_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
			if _, ok := u.FindToken([]byte("d"), epoch); !ok {
				return domain.ErrInvalidToken
			}
			u.DropTokens(domain.TokenReset)
			return nil
		})
		return err
	})
	if wins != 1 {
		t.Errorf("%d took the token", wins)
	}
}

package conformance

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

var errUsed = errors.New("the generation was seen")

// unseenSession stores a session whose current generation of tokens was not seen, and lists it.
func unseenSession(t *testing.T, s Stores, number int) domain.Session {
	t.Helper()
	u := newUser(number)
	session := newSession(u.ID)
	session.Refresh = domain.RefreshFamily{Key: []byte("key"), Counter: 1, RotatedAt: epoch, Unseen: true}
	u.Sessions = []domain.SessionRef{{ID: session.ID, ExpiresAt: session.ExpiresAt}}
	must(t, s.Sessions.Create(t.Context(), session))
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	return session
}

func see(t *testing.T, s Stores, id domain.SessionID, wrote *atomic.Int64) error {
	t.Helper()
	var changed bool
	_, err := s.Sessions.Update(t.Context(), id, func(x *domain.Session, _ *domain.Outbox) error {
		if changed = x.Refresh.Awaits(1); !changed {
			return domain.ErrUnchanged
		}
		x.Refresh.Unseen = false
		return nil
	})
	if err == nil && changed {
		wrote.Add(1)
	}
	return err
}

// sessionFirstUseRace requests the successor repeatedly while its generation is marked as seen: a request that starts
// after the mark was acknowledged must be refused, and the view must return the mark.
func sessionFirstUseRace(t *testing.T, s Stores) {
	const rounds, clients = 20, 4
	var wrote atomic.Int64
	for i := range rounds {
		session := unseenSession(t, s, i)
		var asked atomic.Int64
		promise(t, clients,
			func() error { return see(t, s, session.ID, &wrote) },
			func() bool {
				_, err := s.Sessions.Update(t.Context(), session.ID, func(x *domain.Session, _ *domain.Outbox) error {
					if !x.Refresh.Unseen {
						return errUsed
					}
					x.LastActivity = epoch.Add(time.Duration(asked.Add(1)) * time.Millisecond)
					return nil
				})
				if err != nil && !errors.Is(err, errUsed) {
					t.Error(err)
				}
				return err == nil
			})
		live, err := s.View.Lookup(t.Context(), session.ID)
		must(t, err)
		if live.Session.Refresh.Unseen {
			t.Fatal("the view shows a generation as unseen after it was marked")
		}
	}
	if wrote.Load() != rounds {
		t.Errorf("%d marks were written for %d sessions", wrote.Load(), rounds)
	}
}

// sessionFirstUse marks one generation concurrently: one call writes, and all see the mark afterwards.
func sessionFirstUse(t *testing.T, s Stores) {
	session := unseenSession(t, s, 1)
	var wrote atomic.Int64
	race(t, 50, func(error) bool { return false }, func(int) error {
		if err := see(t, s, session.ID, &wrote); err != nil {
			return err
		}
		live, err := s.View.Lookup(t.Context(), session.ID)
		if err == nil && live.Session.Refresh.Unseen {
			t.Error("an answered mark is not in the view")
		}
		return err
	})
	if wrote.Load() != 1 {
		t.Errorf("%d writes marked one generation", wrote.Load())
	}
	stored, err := s.Sessions.Get(t.Context(), session.ID)
	must(t, err)
	if stored.Refresh.Unseen {
		t.Error("the mark is not stored")
	}
}

package conformance

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// SessionView tests a ports.SessionView, above all its guarantee about acknowledged changes.
func SessionView(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives a live session with its user":                               viewLookup,
		"refuses a session that the user does not list":                    viewUnlisted,
		"sees every acknowledged change of session and user":               viewSeesChanges,
		"sees every acknowledged change of the catalog":                    viewSeesCatalog,
		"sees what was touched at once":                                    viewTouch,
		"keeps a touch through a change that is under way":                 viewTouchRace,
		"refuses every lookup that starts after a revoke was acknowledged": viewPromise,
		"refuses every lookup of a key after its revoke was acknowledged":  viewKeyPromise,
	})
}

func viewLookup(t *testing.T, s Stores) {
	u, session := signIn(t, s, 1)
	for range 2 { // from the disk, and then possibly from memory
		live, err := s.View.Lookup(t.Context(), session.ID)
		must(t, err)
		same(t, *live.Session, session)
		same(t, *live.User, u)
	}
}

func viewUnlisted(t *testing.T, s Stores) {
	u, session := signIn(t, s, 1)
	_, err := s.View.Lookup(t.Context(), session.ID)
	must(t, err)
	orphan := newSession(u.ID)
	must(t, s.Sessions.Create(t.Context(), orphan))
	if _, err := s.View.Lookup(t.Context(), orphan.ID); !errors.Is(err, domain.ErrSessionNotFound) {
		t.Errorf("got %v, want ErrSessionNotFound", err)
	}
}

func viewSeesChanges(t *testing.T, s Stores) {
	u, session := signIn(t, s, 1)
	for i := 1; i <= 20; i++ {
		_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
			u.KeyEpoch = i
			return nil
		})
		must(t, err)
		_, err = s.Sessions.Update(t.Context(), session.ID, func(x *domain.Session, _ *domain.Outbox) error {
			x.Refresh.Counter = int64(i)
			return nil
		})
		must(t, err)
		live, err := s.View.Lookup(t.Context(), session.ID)
		must(t, err)
		if live.User.KeyEpoch != i || live.Session.Refresh.Counter != int64(i) {
			t.Fatalf("after change %d the lookup shows %d and %d", i, live.User.KeyEpoch, live.Session.Refresh.Counter)
		}
	}
}

func viewSeesCatalog(t *testing.T, s Stores) {
	_, session := signIn(t, s, 1)
	for i := 1; i <= 5; i++ {
		settings, err := s.Settings.UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
			x.Session.MaxSessions = i
			return nil
		})
		must(t, err)
		live, err := s.View.Lookup(t.Context(), session.ID)
		must(t, err)
		catalog, err := s.Catalog.CatalogAt(t.Context(), live.Catalog)
		must(t, err)
		if catalog.Settings.Version != settings.Version || catalog.Settings.Session.MaxSessions != i {
			t.Fatalf("the catalog of the look has settings %d, want %d", catalog.Settings.Version, settings.Version)
		}
	}
}

func viewTouch(t *testing.T, s Stores) {
	_, session := signIn(t, s, 1)
	for i := 1; i <= 3; i++ {
		at := epoch.Add(time.Duration(i) * time.Minute)
		must(t, s.View.Touch(t.Context(), session.ID, at))
		live, err := s.View.Lookup(t.Context(), session.ID)
		must(t, err)
		if !live.Session.LastActivity.Equal(at) {
			t.Errorf("the lookup shows %v, want %v", live.Session.LastActivity, at)
		}
	}
	must(t, s.View.Touch(t.Context(), session.ID, epoch)) // a late touch with an earlier time changes nothing
	live, err := s.View.Lookup(t.Context(), session.ID)
	must(t, err)
	if want := epoch.Add(3 * time.Minute); !live.Session.LastActivity.Equal(want) {
		t.Errorf("the lookup shows %v, want %v", live.Session.LastActivity, want)
	}
}

func viewTouchRace(t *testing.T, s Stores) {
	_, session := signIn(t, s, 1)
	for i := 1; i <= 50; i++ {
		at := epoch.Add(time.Duration(i) * time.Minute)
		var group sync.WaitGroup
		group.Go(func() {
			_, err := s.Sessions.Update(t.Context(), session.ID, func(x *domain.Session, _ *domain.Outbox) error {
				x.Refresh.Counter++
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		if err := s.View.Touch(t.Context(), session.ID, at); err != nil {
			t.Error(err)
		}
		group.Wait()
		live, err := s.View.Lookup(t.Context(), session.ID)
		must(t, err)
		if live.Session.LastActivity.Before(at) || live.Session.Refresh.Counter != int64(i) {
			t.Fatalf("round %d: activity %v, counter %d", i, live.Session.LastActivity, live.Session.Refresh.Counter)
		}
	}
}

// viewPromise revokes sessions while others look them up continuously: a lookup that starts after the revocation was
// acknowledged must be refused.
func viewPromise(t *testing.T, s Stores) {
	const rounds, readers = 60, 4
	for i := range rounds {
		u, session := signIn(t, s, i)
		promise(t, readers,
			func() error {
				_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
					u.EndSession(session.ID)
					return nil
				})
				return err
			},
			func() bool {
				_, err := s.View.Lookup(t.Context(), session.ID)
				if err != nil && !errors.Is(err, domain.ErrSessionNotFound) {
					t.Error(err)
				}
				return err == nil
			})
	}
}

// promise runs change once during concurrent lookups, and checks that no lookup that started after its acknowledgment
// found what it ended.
func promise(t *testing.T, readers int, change func() error, found func() bool) {
	t.Helper()
	var answered, over atomic.Bool
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for !over.Load() {
				after := answered.Load()
				if live := found(); live && after {
					t.Error("a lookup that started after the answer found what had ended")
				}
			}
		})
	}
	time.Sleep(time.Millisecond) // lets the lookups begin; the test does not depend on how many have
	if err := change(); err != nil {
		t.Errorf("unexpected failure: %v", err)
	}
	answered.Store(true)
	for range 25 {
		if found() {
			t.Error("a lookup that started after the answer found what had ended")
		}
	}
	over.Store(true)
	group.Wait()
}

func viewKeyPromise(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	for range 40 {
		key := newKey(u.ID)
		must(t, s.Keys.Create(t.Context(), key, domain.Outbox{}))
		promise(t, 2,
			func() error {
				_, err := s.Keys.Update(t.Context(), key.ID, func(k *domain.APIKey, _ *domain.Outbox) error {
					k.RevokedAt = epoch
					return nil
				})
				return err
			},
			func() bool {
				live, err := s.KeyView.LookupKey(t.Context(), key.ID)
				if err != nil {
					t.Error(err)
					return false
				}
				return live.Key.IsLive(live.User, epoch)
			})
	}
}

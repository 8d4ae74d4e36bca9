package conformance

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// LoginView tests a ports.LoginView.
func LoginView(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"finds by username before e-mail, and nobody without a failure": loginLookup,
		"sees every acknowledged change of the user and the catalog":    loginSeesChanges,
		"sees every acknowledged change of a name":                      loginSeesNames,
		"never gives a name to whom it was taken from":                  loginPromise,
		"brings the sessions that are there":                            loginSessions,
	})
}

func lookupUser(t *testing.T, s Stores, key string) domain.User {
	t.Helper()
	found, err := s.Logins.LookupLogin(t.Context(), key)
	must(t, err)
	return found.User
}

func loginLookup(t *testing.T, s Stores) {
	a, b := newUser(1), newUser(2)
	b.UsernameKey = a.EmailKey
	must(t, s.Users.Create(t.Context(), a, domain.Outbox{}))
	if got := lookupUser(t, s, a.EmailKey); got.ID != a.ID {
		t.Errorf("an address gives %q", got.ID)
	}
	restoreUsers(t, s, b)
	for range 2 { // from the disk, and then possibly from memory
		same(t, lookupUser(t, s, a.UsernameKey), a)
		same(t, lookupUser(t, s, a.EmailKey), b)
		same(t, lookupUser(t, s, "nobody"), domain.User{})
		same(t, lookupUser(t, s, ""), domain.User{})
	}
	found, err := s.Logins.LookupLogin(t.Context(), "nobody")
	must(t, err)
	catalog, err := s.Catalog.Catalog(t.Context())
	must(t, err)
	if found.Catalog != catalog.Version {
		t.Errorf("the catalog is of version %d, want %d", found.Catalog, catalog.Version)
	}
}

func loginSeesChanges(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	for i := 1; i <= 10; i++ {
		_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
			u.KeyEpoch = i
			return nil
		})
		must(t, err)
		_, err = s.Settings.UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
			x.Session.MaxSessions = i
			return nil
		})
		must(t, err)
		found, err := s.Logins.LookupLogin(t.Context(), u.UsernameKey)
		must(t, err)
		catalog, err := s.Catalog.CatalogAt(t.Context(), found.Catalog)
		must(t, err)
		if found.User.KeyEpoch != i || catalog.Settings.Session.MaxSessions != i {
			t.Fatalf("after change %d it is %d and %d", i, found.User.KeyEpoch, catalog.Settings.Session.MaxSessions)
		}
	}
}

func loginSeesNames(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	before := u.UsernameKey
	lookupUser(t, s, before)
	_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.UsernameKey, u.EmailKey = "renamed", "renamed@example.com"
		return nil
	})
	must(t, err)
	if lookupUser(t, s, before).ID != "" || lookupUser(t, s, u.EmailKey).ID != "" ||
		lookupUser(t, s, "renamed").ID != u.ID {
		t.Error("a name that was given up still means the user, or the new one does not")
	}
	next := newUser(2)
	next.UsernameKey = before
	must(t, s.Users.Create(t.Context(), next, domain.Outbox{}))
	if got := lookupUser(t, s, before); got.ID != next.ID {
		t.Errorf("a name that was given up and taken means %q", got.ID)
	}
	must(t, s.Users.Delete(t.Context(), next.ID, domain.Outbox{}))
	if got := lookupUser(t, s, before); got.ID != "" {
		t.Errorf("the name of a deleted user means %q", got.ID)
	}
}

// loginPromise passes a name from one user to the next while clients look it up: no lookup may return the previous
// owner after the change was acknowledged.
func loginPromise(t *testing.T, s Stores) {
	const name, rounds = "wanderer", 15
	users := make([]domain.User, rounds)
	for i := range users {
		users[i] = newUser(i + 1)
		must(t, s.Users.Create(t.Context(), users[i], domain.Outbox{}))
	}
	rename := func(u domain.User, key string) {
		_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
			u.UsernameKey = key
			return nil
		})
		must(t, err)
	}
	var holder atomic.Pointer[domain.UserID] // the last acknowledged owner of the name
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := holder.Load()
				found, err := s.Logins.LookupLogin(t.Context(), name)
				if err != nil {
					t.Error(err)
					return
				}
				if after := holder.Load(); before != nil && before == after && found.User.ID != "" && found.User.ID < *before {
					t.Errorf("the name means %s, who had it before %s", found.User.ID, *before)
					return
				}
			}
		})
	}
	for i := range users {
		rename(users[i], name)
		holder.Store(&users[i].ID)
		rename(users[i], fmt.Sprintf("former%d", i))
	}
	close(stop)
	wg.Wait()
}

func loginSessions(t *testing.T, s Stores) {
	u, one := signIn(t, s, 1)
	two := newSession(u.ID)
	listed, err := s.Sessions.Begin(t.Context(), two, func(u *domain.User, out *domain.Outbox) error {
		u.Sessions = append(u.Sessions, domain.SessionRef{ID: two.ID, StartedAt: two.CreatedAt, ExpiresAt: two.ExpiresAt})
		*out = outbox(domain.ActionLogin, string(u.ID))
		return nil
	})
	must(t, err)
	if !listed.ListsSession(one.ID) || !listed.ListsSession(two.ID) || len(entriesAbout(t, s, string(u.ID))) != 1 {
		t.Error("a session that began is not listed, or has no entry")
	}
	_, err = s.View.Lookup(t.Context(), two.ID)
	must(t, err)
	refused := newSession(u.ID)
	if _, err := s.Sessions.Begin(t.Context(), refused,
		func(*domain.User, *domain.Outbox) error { return errRefused }); !errors.Is(err, errRefused) {
		t.Errorf("a refused beginning gives %v", err)
	}
	if _, err := s.View.Lookup(t.Context(), refused.ID); !errors.Is(err, domain.ErrSessionNotFound) {
		t.Errorf("a session that was refused is looked at: %v", err)
	}
	at := two.LastActivity.Add(time.Minute)
	must(t, s.View.Touch(t.Context(), two.ID, at))
	sessions, err := s.Logins.LookupSessions(t.Context(), one.ID, two.ID, "sess_none")
	must(t, err)
	seen := map[domain.SessionID]domain.Session{}
	for _, x := range sessions {
		seen[x.ID] = x
	}
	if len(sessions) != 2 || !seen[two.ID].LastActivity.Equal(at) || seen[one.ID].UserID != u.ID {
		t.Errorf("%d sessions came, the second last active at %s", len(sessions), seen[two.ID].LastActivity)
	}
	found, err := s.Logins.LookupLogin(t.Context(), u.UsernameKey)
	must(t, err)
	if found.Sessions != nil && len(found.Sessions) != 2 {
		t.Errorf("%d sessions came along, want both or nothing", len(found.Sessions))
	}
}

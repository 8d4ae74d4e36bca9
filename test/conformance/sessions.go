package conformance

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

func overContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func newSession(user domain.UserID) domain.Session {
	return domain.Session{
		ID: domain.SessionID(newID(domain.SessionPrefix)), UserID: user, Kind: domain.SessionLogin,
		CreatedAt: epoch, LastActivity: epoch, ExpiresAt: epoch.Add(24 * time.Hour), AuthTime: epoch,
	}
}

// signIn creates a user with one live session.
func signIn(t *testing.T, s Stores, number int) (domain.User, domain.Session) {
	t.Helper()
	u := newUser(number)
	session := newSession(u.ID)
	u.Sessions = []domain.SessionRef{{ID: session.ID, ExpiresAt: session.ExpiresAt}}
	must(t, s.Sessions.Create(t.Context(), session))
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	return u, session
}

// SessionStore tests a ports.SessionStore.
func SessionStore(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives back every field as it was given":            sessionKeepsFields,
		"says that an absent session is not found":          sessionAbsent,
		"updates in one step with its outbox":               sessionUpdate,
		"leaves nothing of a refused change":                sessionRefused,
		"lets one of racing refreshes rotate":               sessionRotateRace,
		"gives no successor again once it was seen":         sessionFirstUseRace,
		"marks a generation as seen in one write":           sessionFirstUse,
		"lists a user's sessions, the newest first":         sessionList,
		"lists by the provider's session and subject":       sessionProvider,
		"lists the grants that are due for a check":         sessionGrants,
		"sweeps what cannot be live, and nothing else":      sessionSweep,
		"sweeps no more than it was asked for, but gets on": sessionSweepLimit,
	})
}

func sessionKeepsFields(t *testing.T, s Stores) {
	at := epoch.Add(time.Microsecond)
	session := newSession("usr_1")
	session.Remember, session.EndedAt, session.IPAddress, session.UserAgent = true, at, "192.0.2.1", "agent"
	session.Methods, session.TokenDigest = []string{"pwd", "otp"}, []byte("digest")
	session.Refresh = domain.RefreshFamily{
		Key: []byte("key"), Counter: 7, RotatedAt: at, IPAddress: "192.0.2.2",
		UserAgent: "other", Unseen: true,
	}
	session.Provider = domain.ProviderSession{
		Directory: "google", ID: "sid", Subject: "sub", Grant: []byte("grant"), IDToken: []byte("id"), CheckedAt: at,
	}
	must(t, s.Sessions.Create(t.Context(), session))
	got, err := s.Sessions.Get(t.Context(), session.ID)
	must(t, err)
	same(t, got, session)
}

func sessionAbsent(t *testing.T, s Stores) {
	_, err := s.Sessions.Get(t.Context(), "sess_none")
	_, err2 := s.Sessions.Update(t.Context(), "sess_none", func(*domain.Session, *domain.Outbox) error { return nil })
	_, err3 := s.View.Lookup(t.Context(), "sess_none")
	for i, err := range []error{err, err2, err3} {
		if !errors.Is(err, domain.ErrSessionNotFound) {
			t.Errorf("call %d: got %v, want ErrSessionNotFound", i, err)
		}
	}
}

func sessionUpdate(t *testing.T, s Stores) {
	session := newSession("usr_1")
	must(t, s.Sessions.Create(t.Context(), session))
	got, err := s.Sessions.Update(t.Context(), session.ID, func(x *domain.Session, out *domain.Outbox) error {
		x.Refresh.Counter, x.LastActivity = 1, epoch.Add(time.Minute)
		*out = outbox(domain.ActionTokenRefreshReuse, string(x.ID))
		return nil
	})
	must(t, err)
	session.Refresh.Counter, session.LastActivity = 1, epoch.Add(time.Minute)
	same(t, got, session)
	stored, err := s.Sessions.Get(t.Context(), session.ID)
	must(t, err)
	same(t, stored, session)
	if n := len(entriesAbout(t, s, string(session.ID))); n != 1 {
		t.Errorf("the change left %d entries, want 1", n)
	}
}

func sessionRefused(t *testing.T, s Stores) {
	session := newSession("usr_1")
	must(t, s.Sessions.Create(t.Context(), session))
	for _, failure := range []error{errRefused, domain.ErrUnchanged} {
		got, err := s.Sessions.Update(t.Context(), session.ID, func(x *domain.Session, out *domain.Outbox) error {
			x.Refresh.Counter = 9
			*out = outbox(domain.ActionTokenRefreshReuse, string(x.ID))
			return failure
		})
		if errors.Is(failure, domain.ErrUnchanged) {
			must(t, err)
			same(t, got, session)
		} else if !errors.Is(err, errRefused) {
			t.Errorf("got %v, want the error of the change", err)
		}
		stored, err := s.Sessions.Get(t.Context(), session.ID)
		must(t, err)
		same(t, stored, session)
	}
	if n := len(entriesAbout(t, s, string(session.ID))); n != 0 {
		t.Errorf("%d entries were left", n)
	}
}

func sessionRotateRace(t *testing.T, s Stores) {
	session := newSession("usr_1")
	must(t, s.Sessions.Create(t.Context(), session))
	errLate := errors.New("late")
	wins := race(t, 50, func(err error) bool { return errors.Is(err, errLate) }, func(int) error {
		_, err := s.Sessions.Update(t.Context(), session.ID, func(x *domain.Session, _ *domain.Outbox) error {
			if x.Refresh.Counter != 0 {
				return errLate
			}
			x.Refresh.Counter = 1
			return nil
		})
		return err
	})
	if wins != 1 {
		t.Errorf("%d rotated", wins)
	}
}

func sessionList(t *testing.T, s Stores) {
	var want []domain.SessionID
	for i := range 3 {
		session := newSession("usr_1")
		session.CreatedAt = epoch.Add(time.Duration(i) * time.Minute)
		want = append(want, session.ID)
		must(t, s.Sessions.Create(t.Context(), session))
		must(t, s.Sessions.Create(t.Context(), newSession("usr_2")))
	}
	slices.Reverse(want)
	sessions, err := s.Sessions.ListByUser(t.Context(), "usr_1")
	must(t, err)
	same(t, sessionIDs(sessions), want)
}

func sessionIDs(sessions []domain.Session) []domain.SessionID {
	ids := make([]domain.SessionID, len(sessions))
	for i := range sessions {
		ids[i] = sessions[i].ID
	}
	return ids
}

func sessionProvider(t *testing.T, s Stores) {
	at := func(directory domain.DirectoryID, subject domain.Subject, id string) domain.SessionID {
		session := newSession("usr_1")
		session.Provider = domain.ProviderSession{Directory: directory, Subject: subject, ID: id}
		must(t, s.Sessions.Create(t.Context(), session))
		return session.ID
	}
	a, b, c := at("google", "ann", "s1"), at("google", "ann", "s2"), at("google", "bob", "s3")
	at("other", "ann", "s1")
	must(t, s.Sessions.Create(t.Context(), newSession("usr_1")))
	for name, test := range map[string]struct {
		subject domain.Subject
		session string
		want    []domain.SessionID
	}{
		"one session":               {"ann", "s1", []domain.SessionID{a}},
		"all of a subject":          {"ann", "", []domain.SessionID{a, b}},
		"the session alone":         {"", "s3", []domain.SessionID{c}},
		"another subject's session": {"bob", "s1", nil},
	} {
		got, err := s.Sessions.ListByProvider(t.Context(), "google", test.subject, test.session)
		must(t, err)
		ids := sessionIDs(got)
		slices.Sort(ids)
		t.Log(name)
		same(t, ids, test.want)
	}
}

func sessionGrants(t *testing.T, s Stores) {
	for i, grant := range [][]byte{[]byte("g"), nil, []byte("g"), []byte("g")} {
		session := newSession("usr_1")
		session.Provider = domain.ProviderSession{
			Directory: "google", Grant: grant,
			CheckedAt: epoch.Add(time.Duration(i) * time.Minute),
		}
		must(t, s.Sessions.Create(t.Context(), session))
	}
	due, err := s.Sessions.ListProviderGrants(t.Context(), epoch.Add(3*time.Minute), 10)
	must(t, err)
	if len(due) != 2 {
		t.Errorf("%d are due, want 2", len(due))
	}
	due, err = s.Sessions.ListProviderGrants(t.Context(), epoch.Add(time.Hour), 1)
	must(t, err)
	if len(due) != 1 {
		t.Errorf("got %d, want the limit of 1", len(due))
	}
}

func sessionSweep(t *testing.T, s Stores) {
	u, live := signIn(t, s, 1)
	ended, fresh, expired := newSession(u.ID), newSession(u.ID), newSession(u.ID)
	fresh.CreatedAt = epoch.Add(time.Hour)
	expired.ExpiresAt = epoch.Add(time.Minute)
	for _, session := range []domain.Session{ended, fresh, expired} {
		must(t, s.Sessions.Create(t.Context(), session))
	}
	list := func(change func(u *domain.User)) {
		_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
			change(u)
			return nil
		})
		must(t, err)
	}
	list(func(u *domain.User) {
		u.Sessions = append(u.Sessions, domain.SessionRef{ID: ended.ID},
			domain.SessionRef{ID: expired.ID, ExpiresAt: expired.ExpiresAt})
	})
	list(func(u *domain.User) { u.EndSession(ended.ID) })

	n, err := s.Sessions.Sweep(t.Context(), epoch.Add(2*time.Minute), epoch.Add(time.Minute), 100)
	must(t, err)
	if n != 2 {
		t.Errorf("swept %d, want the ended and the expired one", n)
	}
	for id, want := range map[domain.SessionID]bool{live.ID: true, fresh.ID: true, ended.ID: false, expired.ID: false} {
		_, err := s.Sessions.Get(t.Context(), id)
		if got := err == nil; got != want {
			t.Errorf("session %s is there: %v, want %v (%v)", id, got, want, err)
		}
	}
	if _, err := s.View.Lookup(t.Context(), live.ID); err != nil {
		t.Errorf("the live session: %v", err)
	}
}

func sessionSweepLimit(t *testing.T, s Stores) {
	for range 5 {
		must(t, s.Sessions.Create(t.Context(), newSession("usr_gone")))
	}
	for _, want := range []int{2, 2, 1, 0} {
		n, err := s.Sessions.Sweep(t.Context(), epoch, epoch.Add(time.Hour), 2)
		must(t, err)
		if n != want {
			t.Errorf("swept %d, want %d", n, want)
		}
	}
}

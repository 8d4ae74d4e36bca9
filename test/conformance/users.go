package conformance

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

var errRefused = errors.New("refused by the change")

// UserStore tests a ports.UserStore, except its list (see UserList).
func UserStore(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives back every field as it was given":            userKeepsFields,
		"says that an absent user is not found":             userAbsent,
		"finds by username before e-mail":                   userFindByLogin,
		"finds by the directory's subject":                  userFindBySubject,
		"refuses a taken username, e-mail or subject":       userTaken,
		"updates in one step with its outbox":               userUpdate,
		"leaves nothing of a refused change":                userRefusedChange,
		"takes an unchanged update for no failure":          userUnchanged,
		"hands out copies":                                  userCopies,
		"refuses an update into a taken name":               userRename,
		"gives a name that was given up to somebody else":   userNameReuse,
		"deletes with sessions, keys and waiting messages":  userDelete,
		"makes 200 concurrent increments 200":               userIncrements,
		"gives one of racing users the name":                userNameRace,
		"refuses a username that is another's email":        userOtherKind,
		"allows one's own email as username":                userOwnEmail,
		"gives one of racing users a name of either kind":   userOtherKindRace,
		"gives one of racing changes a name of either kind": userOtherKindChangeRace,
		"keeps users who collide from before":               userCollision,
		"writes every entry of racing changes exactly once": userEntriesRace,
		"lets one of racing takers have a single-use token": userTokenRace,
		"refuses work under a context that is over":         userContext,
	})
}

// fullUser returns a user with every field set.
func fullUser() domain.User {
	at := epoch.Add(123456789 * time.Nanosecond)
	backup := domain.BackupCodes{Salt: []byte("salt"), Hashes: [][]byte{[]byte("h1"), []byte("h2")}}
	challenge := &domain.CodeChallenge{Digest: []byte("digest"), ExpiresAt: at, Tries: 2}
	u := newUser(1)
	u.Metadata = json.RawMessage(`{ "a" : [1, "<é>"] }`)
	u.PhoneNumber, u.Groups, u.Directory, u.Subject, u.EmailVerified = "+420123456789", []domain.GroupID{
		"grp_a",
		"grp_b",
	}, "corp", "s-1", true
	u.Password = &domain.PasswordCredential{
		Hash: "$argon2id$x", ChangedAt: at, MustChange: true,
		History: []string{"$a", "$b"},
	}
	u.Factor = domain.Factor{
		Method: domain.MethodTOTP, EnabledAt: at, Secret: []byte{1, 2}, LastStep: 7, PhoneNumber: "+1555", Backup: backup,
		Challenge: challenge,
		Pending: &domain.Enrollment{
			Method: domain.MethodSMS, Secret: []byte{3}, PhoneNumber: "+1556", Backup: backup, Challenge: challenge,
			ExpiresAt: at, Tries: 1,
		},
	}
	u.Tokens = []domain.UserToken{{Purpose: domain.TokenReset, Digest: []byte("d"), ExpiresAt: at}}
	u.Sessions = []domain.SessionRef{{ID: "sess_1", StartedAt: at, ExpiresAt: at}}
	u.KeyEpoch, u.CreatedAt, u.UpdatedAt, u.LastLogin, u.DeactivatedAt = 3, at, at, at, at
	return u
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("what came back differs (-want +got):\n%s", diff)
	}
}

func userKeepsFields(t *testing.T, s Stores) {
	u := fullUser()
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	got, err := s.Users.Get(t.Context(), u.ID)
	must(t, err)
	same(t, got, u)
}

func userAbsent(t *testing.T, s Stores) {
	_, err := s.Users.Get(t.Context(), "usr_none")
	_, err2 := s.Users.FindByLogin(t.Context(), "nobody")
	_, err3 := s.Users.FindBySubject(t.Context(), "corp", "none")
	_, err4 := s.Users.FindByLogin(t.Context(), "")
	_, err5 := s.Users.Update(t.Context(), "usr_none", func(*domain.User, *domain.Outbox) error { return nil })
	err6 := s.Users.Delete(t.Context(), "usr_none", domain.Outbox{})
	_, err7 := s.Users.FindByEmail(t.Context(), "")
	_, err8 := s.Users.FindByEmail(t.Context(), "nobody")
	for i, err := range []error{err, err2, err3, err4, err5, err6, err7, err8} {
		if !errors.Is(err, domain.ErrUserNotFound) {
			t.Errorf("call %d: got %v, want ErrUserNotFound", i, err)
		}
	}
}

func userFindByLogin(t *testing.T, s Stores) {
	a, b := newUser(1), newUser(2)
	b.UsernameKey = "odd@example.com"
	a.EmailKey = "odd@example.com" // the name of b and the address of a
	restoreUsers(t, s, a, b)
	for key, want := range map[string]domain.UserID{"odd@example.com": b.ID, a.UsernameKey: a.ID, b.EmailKey: b.ID} {
		got, err := s.Users.FindByLogin(t.Context(), key)
		if err != nil || got.ID != want {
			t.Errorf("FindByLogin(%q) = %s, %v, want %s", key, got.ID, err, want)
		}
	}
}

func userFindBySubject(t *testing.T, s Stores) {
	a, b := newUser(1), newUser(2)
	a.Directory, a.Subject, b.Directory, b.Subject = "corp", "s", "other", "s"
	must(t, s.Users.Create(t.Context(), a, domain.Outbox{}))
	must(t, s.Users.Create(t.Context(), b, domain.Outbox{}))
	got, err := s.Users.FindBySubject(t.Context(), "other", "s")
	must(t, err)
	if got.ID != b.ID {
		t.Errorf("found %s, want %s", got.ID, b.ID)
	}
	if _, err := s.Users.FindBySubject(t.Context(), "local", ""); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("an empty subject found somebody: %v", err)
	}
}

func userTaken(t *testing.T, s Stores) {
	a := newUser(1)
	a.Directory, a.Subject = "corp", "s"
	must(t, s.Users.Create(t.Context(), a, domain.Outbox{}))
	for field, change := range map[string]func(*domain.User){
		"username": func(u *domain.User) { u.UsernameKey = a.UsernameKey },
		"email":    func(u *domain.User) { u.EmailKey = a.EmailKey },
		"subject":  func(u *domain.User) { u.Directory, u.Subject = "corp", "s" },
	} {
		b := newUser(2)
		change(&b)
		err := s.Users.Create(t.Context(), b, outbox(domain.ActionUserCreate, string(b.ID)))
		named(t, err, field)
		if n := len(entriesAbout(t, s, string(b.ID))); n != 0 {
			t.Errorf("%s: a refused user left %d entries", field, n)
		}
	}
	for i := range 2 { // users without an address do not conflict
		u := newUser(10 + i)
		u.EmailKey, u.Email = "", ""
		must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	}
}

// named checks that err is ErrUserExists about the field.
func named(t *testing.T, err error, field string) {
	t.Helper()
	if !errors.Is(err, domain.ErrUserExists) {
		t.Errorf("got %v, want ErrUserExists about %s", err, field)
		return
	}
	if d := fault.Of(err).Details(); len(d) != 1 || d[0].Field != field {
		t.Errorf("the failure names %v, want %s", d, field)
	}
}

func userUpdate(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	got, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, out *domain.Outbox) error {
		u.FullName, u.Status, u.LastLogin = "New Name", domain.StatusDeactivated, epoch.Add(time.Hour)
		*out = outbox(domain.ActionUserUpdate, string(u.ID))
		return nil
	})
	must(t, err)
	u.FullName, u.Status, u.LastLogin = "New Name", domain.StatusDeactivated, epoch.Add(time.Hour)
	same(t, got, u)
	stored, err := s.Users.Get(t.Context(), u.ID)
	must(t, err)
	same(t, stored, u)
	if n := len(entriesAbout(t, s, string(u.ID))); n != 1 {
		t.Errorf("the change left %d entries, want 1", n)
	}
	if n := len(claimAll(t, s)); n != 1 {
		t.Errorf("the change left %d messages, want 1", n)
	}
}

func userRefusedChange(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	_, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, out *domain.Outbox) error {
		u.FullName = "Half"
		*out = outbox(domain.ActionUserUpdate, string(u.ID))
		return errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Errorf("got %v, want the error of the change", err)
	}
	unchangedUser(t, s, u)
}

func unchangedUser(t *testing.T, s Stores, u domain.User) {
	t.Helper()
	stored, err := s.Users.Get(t.Context(), u.ID)
	must(t, err)
	same(t, stored, u)
	if n := len(entriesAbout(t, s, string(u.ID))); n != 0 {
		t.Errorf("%d entries were left", n)
	}
	if n := len(claimAll(t, s)); n != 0 {
		t.Errorf("%d messages were left", n)
	}
}

func userUnchanged(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	got, err := s.Users.Update(t.Context(), u.ID, func(u *domain.User, out *domain.Outbox) error {
		u.FullName = "Half"
		*out = outbox(domain.ActionUserUpdate, string(u.ID))
		return domain.ErrUnchanged
	})
	must(t, err)
	same(t, got, u)
	unchangedUser(t, s, u)
}

func userCopies(t *testing.T, s Stores) {
	u := fullUser()
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	want := u.Clone()
	u.Groups[0], u.Factor.Secret[0] = "grp_x", 9
	got, err := s.Users.Get(t.Context(), u.ID)
	must(t, err)
	same(t, got, want)
	got.Groups[0], got.Password.History[0] = "grp_y", "changed"
	again, err := s.Users.Get(t.Context(), u.ID)
	must(t, err)
	same(t, again, want)
}

func userRename(t *testing.T, s Stores) {
	a, b := newUser(1), newUser(2)
	must(t, s.Users.Create(t.Context(), a, domain.Outbox{}))
	must(t, s.Users.Create(t.Context(), b, domain.Outbox{}))
	_, err := s.Users.Update(t.Context(), b.ID, func(u *domain.User, out *domain.Outbox) error {
		u.EmailKey = a.EmailKey
		*out = outbox(domain.ActionUserUpdate, string(u.ID))
		return nil
	})
	named(t, err, "email")
	unchangedUser(t, s, b)
}

func userNameReuse(t *testing.T, s Stores) {
	a, b := newUser(1), newUser(2)
	must(t, s.Users.Create(t.Context(), a, domain.Outbox{}))
	_, err := s.Users.Update(t.Context(), a.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Username, u.UsernameKey = "renamed", "renamed"
		return nil
	})
	must(t, err)
	b.UsernameKey = a.UsernameKey
	must(t, s.Users.Create(t.Context(), b, domain.Outbox{}))
	got, err := s.Users.FindByLogin(t.Context(), a.UsernameKey)
	if err != nil || got.ID != b.ID {
		t.Errorf("the old name leads to %s, %v, want %s", got.ID, err, b.ID)
	}
}

func userDelete(t *testing.T, s Stores) {
	u, other := newUser(1), newUser(2)
	session := newSession(u.ID)
	u.Sessions = []domain.SessionRef{{ID: session.ID, ExpiresAt: session.ExpiresAt}}
	key := newKey(u.ID)
	must(t, s.Users.Create(t.Context(), u, outbox(domain.ActionUserCreate, string(u.ID))))
	must(t, s.Users.Create(t.Context(), other, outbox(domain.ActionUserCreate, string(other.ID))))
	must(t, s.Sessions.Create(t.Context(), session))
	must(t, s.Keys.Create(t.Context(), key, domain.Outbox{}))
	_, err := s.View.Lookup(t.Context(), session.ID)
	must(t, err)
	_, err = s.KeyView.LookupKey(t.Context(), key.ID)
	must(t, err)

	must(t, s.Users.Delete(t.Context(), u.ID,
		domain.Outbox{Entries: []domain.AuditEntry{newEntry(domain.ActionUserPurge, string(u.ID))}}))
	if _, err := s.Users.Get(t.Context(), u.ID); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("the user is still there: %v", err)
	}
	if _, err := s.View.Lookup(t.Context(), session.ID); !errors.Is(err, domain.ErrSessionNotFound) {
		t.Errorf("the session is still live: %v", err)
	}
	if _, err := s.KeyView.LookupKey(t.Context(), key.ID); !errors.Is(err, domain.ErrKeyNotFound) {
		t.Errorf("the key still works: %v", err)
	}
	if _, err := s.Sessions.Get(t.Context(), session.ID); !errors.Is(err, domain.ErrSessionNotFound) {
		t.Errorf("the session's record is still there: %v", err)
	}
	if m := claimAll(t, s); len(m) != 1 || m[0].UserID != other.ID {
		t.Errorf("%d messages wait, want the other user's one", len(m))
	}
	if n := len(entriesAbout(t, s, string(u.ID))); n != 2 {
		t.Errorf("%d entries are left of the user, want both", n)
	}
}

func userContext(t *testing.T, s Stores) {
	u := newUser(1)
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	over := overContext(t)
	_, err := s.Users.Update(over, u.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.FullName = "Too late"
		return nil
	})
	if !errors.Is(err, fault.ErrStorage) {
		t.Errorf("got %v, want ErrStorage", err)
	}
	unchangedUser(t, s, u)
}

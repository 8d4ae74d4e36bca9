package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

func TestPurgeErasesUserAndLeavesTombstone(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "root", "Correct-horse-1", "admin")
	john := s.Register(t, "johndoe", "Correct-horse-1", "user")
	_, admin := s.SignIn(t, "root", "Correct-horse-1", "198.51.100.1")
	s.SignIn(t, "johndoe", "Correct-horse-1", "203.0.113.9")
	_, err := s.Auth.Login(t.Context(), kit.From("203.0.113.9"),
		auth.LoginInput{Name: "johndoe", Password: "wrong-Password-1"})
	if !errors.Is(err, fault.ErrUnauthorized) {
		t.Fatalf("wrong password: %v", err)
	}
	at, err := s.Account.Purge(t.Context(), admin, john.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Forward(time.Hour)
	if again, err := s.Account.Purge(t.Context(), admin, john.ID, nil); err != nil || !again.Equal(at) {
		t.Errorf("a second purge: %v, %v, want the time of the first, %v", again, err, at)
	}
	if _, err := s.Account.Get(t.Context(), admin, john.ID); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("the user after the purge: %v", err)
	}
	tombstone := false
	for _, e := range s.Entries(t) {
		if e.UserID == string(john.ID) && (e.IPAddress != "" || e.UserAgent != "" || len(e.Personal) > 0) {
			t.Errorf("the entry %s of the user still contains personal data", e.Action)
		}
		for _, value := range e.Personal {
			if text, ok := value.(string); ok && strings.Contains(text, "johndoe") {
				t.Errorf("the entry %s still contains the username", e.Action)
			}
		}
		tombstone = tombstone || e.Action == domain.ActionUserPurge && e.Target == string(john.ID) &&
			e.UserID == string(admin.UserID)
	}
	if !tombstone {
		t.Error("no entry records who purged the user")
	}
	// The username is free again, and its next holder is a different user.
	if next := s.Register(t, "johndoe", "Correct-horse-1", "user"); next.ID == john.ID {
		t.Error("the new user has the ID of the purged one")
	}
}

func TestLastAdministratorCannotBePurged(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	root := s.Register(t, "root", "Correct-horse-1", "admin")
	_, by := s.SignIn(t, "root", "Correct-horse-1", "198.51.100.1")
	if _, err := s.Account.Purge(t.Context(), by, root.ID, nil); !errors.Is(err, domain.ErrLastAdmin) {
		t.Errorf("got error %v, want %v", err, domain.ErrLastAdmin)
	}
	for _, e := range s.Entries(t) {
		if e.UserID == string(root.ID) && e.IPAddress == "" {
			t.Errorf("the refused purge erased the entry %s", e.Action)
		}
	}
	if _, err := s.Account.Purge(t.Context(), by, "usr_00000000000000000000000000", nil); !errors.Is(err,
		domain.ErrUserNotFound) {
		t.Errorf("a user that never existed: %v", err)
	}
}

package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

// A refused correct password must cost what a wrong one does; otherwise the response time reveals that it is correct.
func TestRefusedCorrectDirectoryPasswordCostsOneHash(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	counter := &countingHasher{}
	strict := corp(t, "corp", slapd, func(s *ldapdir.Settings) { s.JustInTime = false })
	s := kit.Start(t, kit.Options{
		Directories: []ports.Directory{strict},
		Hasher: func(h ports.PasswordHasher) ports.PasswordHasher {
			counter.PasswordHasher = h
			return counter
		},
	})
	for name, in := range map[string]auth.LoginInput{
		"a wrong password":                       {Name: "bob", Password: "Wrong-horse-7"},
		"the correct password, not provisioned":  {Name: "bob", Password: openldap.Password},
		"the correct password, disabled account": {Name: "inactive", Password: openldap.Password},
		"an unknown name":                        {Name: "nobody", Password: openldap.Password},
	} {
		before := counter.checks.Load()
		if _, err := s.Auth.Login(t.Context(), kit.From(home), in); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
		if checks := counter.checks.Load() - before; checks != 1 {
			t.Errorf("%s: %d hash verifications, want 1", name, checks)
		}
	}
}

// timedDirectory contains no user. A lookup takes a time that the test sets.
type timedDirectory struct {
	takes func()
}

func (timedDirectory) ID() domain.DirectoryID      { return "timed" }
func (timedDirectory) Type() string                { return "timed" }
func (timedDirectory) JustInTime() bool            { return false }
func (timedDirectory) Suffixes() []string          { return nil }
func (timedDirectory) Close(context.Context) error { return nil }

func (d timedDirectory) VerifyPassword(context.Context, ports.Login) (domain.PasswordCheck, error) {
	d.takes()
	return domain.PasswordCheck{}, nil
}

func (d timedDirectory) VerifySubject(context.Context, domain.Subject, string) (domain.PasswordCheck, error) {
	return domain.PasswordCheck{}, nil
}

// Refusals of built-in users must not be distinguishable from unknown names by the time of the external directories,
// which verify only unknown names.
func TestRefusalsOfKnownUsersAreDelayedByDirectoryTime(t *testing.T) {
	t.Parallel()
	takes := func() {}
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{timedDirectory{func() { takes() }}}})
	takes = func() { s.Clock.Forward(30 * time.Millisecond) }
	var padded []time.Duration
	s.Auth.OnPad(func(d time.Duration) { padded = append(padded, d) })
	s.Register(t, "ada", right, "user")
	for range 3 {
		if err := login(t, s, "nobody", right, home); !errors.Is(err, fault.ErrUnauthorized) {
			t.Fatal(err)
		}
	}
	if len(padded) != 0 {
		t.Errorf("unknown names were delayed by %v in addition to the directory's own time", padded)
	}
	if err := login(t, s, "ada", "Wrong-horse-7", home); !errors.Is(err, fault.ErrUnauthorized) {
		t.Fatal(err)
	}
	if len(padded) != 1 || padded[0] != 30*time.Millisecond {
		t.Errorf("a wrong password was delayed by %v, want one delay of 30ms", padded)
	}
	if err := login(t, s, "ada", right, home); err != nil || len(padded) != 1 {
		t.Errorf("a correct password was delayed: %v, error %v", padded, err)
	}
}

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

// A right password that is refused must cost what a wrong one does, or its time tells that it is right.
func TestA02_ARefusedRightPasswordOfADirectoryCostsOneCheck(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{})
	counter := &countingHasher{}
	strict := corp(t, "corp", slapd, func(s *ldapdir.Settings) { s.JustInTime = false })
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{strict}, Hasher: func(h ports.PasswordHasher) ports.PasswordHasher {
		counter.PasswordHasher = h
		return counter
	}})
	for name, in := range map[string]auth.LoginInput{
		"a wrong password":                   {Name: "bob", Password: "Wrong-horse-7"},
		"the right one of somebody unknown":  {Name: "bob", Password: openldap.Password},
		"the right one of a disabled person": {Name: "inactive", Password: openldap.Password},
		"an unknown name":                    {Name: "nobody", Password: openldap.Password},
	} {
		before := counter.checks.Load()
		if _, err := s.Auth.Login(t.Context(), kit.From(home), in); !errors.Is(err, fault.ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
		if checks := counter.checks.Load() - before; checks != 1 {
			t.Errorf("%s costs %d checks, want one", name, checks)
		}
	}
}

// timedDirectory knows nobody, and says so after a time that its test sets.
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

// Users of the built-in directory must not be told from unknown names by the time of the outside directories, which are asked
// about the latter alone.
func TestA02_RefusalsOfUsersTakeTheTimeOfTheDirectories(t *testing.T) {
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
		t.Errorf("unknown names were held back by %v beside the directories' own time", padded)
	}
	if err := login(t, s, "ada", "Wrong-horse-7", home); !errors.Is(err, fault.ErrUnauthorized) {
		t.Fatal(err)
	}
	if len(padded) != 1 || padded[0] != 30*time.Millisecond {
		t.Errorf("a wrong password was held back by %v, want once 30ms", padded)
	}
	if err := login(t, s, "ada", right, home); err != nil || len(padded) != 1 {
		t.Errorf("a right password was held back: %v, %v", padded, err)
	}
}

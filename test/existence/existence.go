// Package existence tests that no route reveals by its cost which users exist. A store whose operations can be counted
// runs it: for each route, requests about a user and about an unknown name or address must cost the same.
package existence

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/core/rolepolicy"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// Store is a store under test.
type Store struct {
	Ports ports.Storage
	// Cost runs do and returns what it costs before it returns: one text for each round trip or statement.
	Cost func(t *testing.T, do func()) []string
}

const (
	password = "Correct-Horse-7-Battery"
	home     = "192.0.2.1"
)

// probe is a request about a name that may exist.
type probe struct {
	about string
	run   func(t *testing.T) error
}

// Test runs every route against the store.
func Test(t *testing.T, store Store) {
	t.Helper()
	s := newScene(t, store)
	for name, route := range map[string]struct {
		probes []probe
		want   error
	}{
		"password reset":                        {s.resets(), nil},
		"sign-in":                               {s.signIns(), fault.ErrUnauthorized},
		"sign-in with a domain suffix":          {s.suffixed(), fault.ErrUnauthorized},
		"confirmation of an address":            {s.confirmations(), domain.ErrInvalidToken},
		"use of a reset link":                   {s.resetLinks(), domain.ErrInvalidToken},
		"user of the Users API, without rights": {s.members(), rolepolicy.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			var first []string
			for i, p := range route.probes {
				var err error
				cost := store.Cost(t, func() { err = p.run(t) })
				if !errors.Is(err, route.want) {
					t.Errorf("%s: got error %v, want %v", p.about, err, route.want)
				}
				if i == 0 {
					first = cost
				}
				if !slices.Equal(first, cost) {
					t.Errorf("%s costs\n  %s\nand %s\n  %s", route.probes[0].about, strings.Join(first, "\n  "), p.about,
						strings.Join(cost, "\n  "))
				}
			}
		})
	}
}

// scene is an installation with a user of each state.
type scene struct {
	*kit.Services
	ids map[string]domain.UserID
}

func newScene(t *testing.T, store Store) *scene {
	t.Helper()
	s := &scene{ids: map[string]domain.UserID{}}
	s.Services = kit.Start(t, kit.Options{
		Ports:     func(p *ports.Storage) { *p = store.Ports },
		LoginRate: domain.Rate{Limit: 1000, Window: time.Hour}, ResetRate: domain.Rate{Limit: 3, Window: time.Hour},
		ResetSource: domain.Rate{Limit: 20, Window: time.Hour}, Directories: []ports.Directory{corp{}},
		RolePolicy: rolepolicy.Config{ListMaxLevel: new(1)},
	})
	for _, name := range []string{"root", "ada", "bea", "dora"} {
		s.ids[name] = s.Register(t, name, password, map[bool]string{true: "admin", false: "user"}[name == "root"]).ID
	}
	invited, err := s.Account.Create(t.Context(), domain.Operator(),
		account.NewUser{Username: "pia", Email: "pia@example.com", Role: "user"})
	if err != nil {
		t.Fatal(err)
	}
	s.ids["pia"] = invited.ID
	if _, err := s.Account.Deactivate(t.Context(), domain.Operator(), s.ids["dora"]); err != nil {
		t.Fatal(err)
	}
	s.SignIn(t, "ada", password, home)
	for _, p := range slices.Concat(s.resets()[:2], s.signIns()[:1]) { // each kind of audit entry exists afterwards
		_ = p.run(t)
	}
	s.Clock.Forward(2 * time.Hour)
	return s
}

func (s *scene) resets() []probe {
	request := func(about, address string) probe {
		return probe{about, func(t *testing.T) error {
			t.Helper()
			_, err := s.Account.RequestReset(t.Context(), kit.From(home), address)
			return err
		}}
	}
	return []probe{
		request("an active user", "ada@example.com"),
		request("an unknown address, the first in this minute", "nemo@example.com"),
		request("a second unknown address", "nemo2@example.com"),
		request("the same unknown address", "nemo2@example.com"),
		request("an active user again", "ada@example.com"),
		request("an invited user, who gets another activation", "pia@example.com"),
		request("a deactivated user", "dora@example.com"),
		request("an active user of another case", "BEA@example.com"),
	}
}

func (s *scene) signIns() []probe {
	return []probe{
		s.signIn("a user who often signs in", "ada"),
		s.signIn("a user who never did", "bea"),
		s.signIn("an unknown name", "nemo"),
		s.signIn("the same unknown name", "nemo"),
		s.signIn("an address of a user", "ada@example.com"),
		s.signIn("an unknown address", "nemo@example.com"),
		s.signIn("an invited user", "pia"),
		s.signIn("a deactivated user", "dora"),
	}
}

func (s *scene) suffixed() []probe {
	return []probe{
		s.signIn("an unknown name", "nemo3@corp.example"),
		s.signIn("another unknown name", `CORP.EXAMPLE\nemo4`),
		s.signIn("the bare name of a user of another directory", "bea@corp.example"),
	}
}

func (s *scene) signIn(about, name string) probe {
	return probe{about, func(t *testing.T) error {
		t.Helper()
		_, err := s.Auth.Login(t.Context(), kit.From("198.51.100.7"), auth.LoginInput{Name: name, Password: "Wrong-horse-7"})
		return err
	}}
}

// tokens returns the tokens of a user that were never issued, of an unknown user, and of none.
func (s *scene) tokens(purpose domain.TokenPurpose) map[string]string {
	forged := func(id domain.UserID) string {
		text, _ := opaquetoken.ForUser(id, purpose, s.Clock.Now())
		return text
	}
	return map[string]string{
		"a user": forged(s.ids["ada"]), "an unknown user": forged(domain.UserID(s.IDs.NewID(domain.UserPrefix))),
	}
}

func (s *scene) confirmations() (probes []probe) {
	for about, text := range s.tokens(domain.TokenEmail) {
		probes = append(probes, probe{about, func(t *testing.T) error {
			t.Helper()
			_, err := s.Account.ConfirmEmail(t.Context(), kit.From(home), text)
			return err
		}})
	}
	return probes
}

func (s *scene) resetLinks() (probes []probe) {
	for about, text := range s.tokens(domain.TokenReset) {
		probes = append(probes, probe{about, func(t *testing.T) error {
			t.Helper()
			return s.Account.Reset(t.Context(), kit.From(home), text, "Another-Horse-8-Battery")
		}})
	}
	return probes
}

func (s *scene) members() []probe {
	by := domain.Principal{
		Kind: domain.PrincipalUser, UserID: s.ids["bea"], SessionID: "sess_1", Role: domain.RoleUser,
		Level: domain.DefaultRoleLevel,
	}
	get := func(about, name string) probe {
		return probe{about, func(t *testing.T) error {
			t.Helper()
			_, err := s.RolePolicy.Get(t.Context(), by, name)
			return err
		}}
	}
	return []probe{get("a user", "ada"), get("an unknown name", "nemo"), get("a deactivated user", "dora")}
}

package directory_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

const strong = "An0ther-Strong-word!"

func register(t *testing.T, s *kit.Services, username string) account.Profile {
	t.Helper()
	made, err := s.Account.Create(t.Context(), domain.Operator(),
		account.NewUser{Username: username, Email: "x@example.net", Password: strong})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func person(name, email string) domain.Identity {
	return domain.Identity{Directory: "corp", Subject: domain.Subject("s-" + name + email), Username: name, Email: email}
}

func TestProvisioningNeverTakesNameOrEmailOfAnotherUser(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		identity       domain.Identity
		username, mail string
	}{
		"a name that is another's address": {
			person("Admin@Example.com", "eve@example.org"), "Admin@Example.com@corp",
			"eve@example.org",
		},
		"an address that is another's name": {person("eve", "boss@example.com"), "eve", ""},
		"both": {
			person("admin@example.com", "boss@example.com"), "admin@example.com@corp",
			"",
		},
		"a name and address that are one's own": {
			person("eve@example.org", "eve@example.org"), "eve@example.org",
			"eve@example.org",
		},
		"an address that is another's":            {person("eve", "ADMIN@example.com"), "eve", ""},
		"a reserved name":                         {person("Login", "eve@example.org"), "Login@corp", "eve@example.org"},
		"a name that only directories allow":      {person(`CORP\Eve Archer`, ""), `CORP\Eve Archer`, ""},
		"an address that is another's, unfolded":  {person("eve", "ａdmin@example.com"), "eve", ""},
		"spaces around a name that another's has": {person(" admin@example.com ", ""), "admin@example.com@corp", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			admin := s.Register(t, "admin", strong, "admin")
			boss := register(t, s, "boss@example.com")
			got, err := s.Provisioner.Provision(t.Context(), domain.System(), tt.identity, true)
			if err != nil {
				t.Fatal(err)
			}
			if got.Username != tt.username || got.Email != tt.mail {
				t.Errorf("the user is %q with %q, want %q with %q", got.Username, got.Email, tt.username, tt.mail)
			}
			for key, want := range map[string]domain.UserID{admin.EmailKey: admin.ID, boss.UsernameKey: boss.ID} {
				if found, err := s.Ports.Users.FindByLogin(t.Context(), key); err != nil || found.ID != want {
					t.Errorf("%s finds %s, %v", key, found.ID, err)
				}
			}
			again, err := s.Provisioner.Provision(t.Context(), domain.System(), tt.identity, true)
			if err != nil || again.ID != got.ID || again.Username != got.Username || again.Email != got.Email {
				t.Errorf("the second provisioning returns %q with %q, %v", again.Username, again.Email, err)
			}
		})
	}
}

func TestProvisioningWithoutFreeUsernameFailsAndRecordsCause(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "admin", strong, "admin")
	register(t, s, "admin@example.com@corp")
	_, err := s.Provisioner.Provision(t.Context(), domain.System(), person("admin@example.com", ""), true)
	if !errors.Is(err, directory.ErrNotProvisioned) || !strings.Contains(err.Error(), "username") {
		t.Errorf("got %v, want ErrNotProvisioned because of the username", err)
	}
	entry := s.AuditWriter.Entry(domain.System(), domain.ActionLoginFailed, "", directory.CauseOf(err))
	if cause, _ := entry.Details["cause"].(string); !strings.Contains(cause, "username") {
		t.Errorf("details of the audit entry: %v", entry.Details)
	}
}

func TestConcurrentEmailAndDirectoryUsernameHaveOneHolder(t *testing.T) {
	t.Parallel()
	for range 10 {
		s := kit.Start(t, kit.Options{})
		p := s.Provisioner
		var racing sync.WaitGroup
		racing.Go(func() {
			if _, err := p.Provision(t.Context(), domain.System(), person("chief@example.com", ""), true); err != nil {
				t.Errorf("provisioning: %v", err)
			}
		})
		racing.Go(func() {
			_, err := s.Account.Create(t.Context(), domain.Operator(),
				account.NewUser{Username: "chief", Email: "chief@example.com", Password: strong})
			if err != nil && !errors.Is(err, domain.ErrUserExists) {
				t.Errorf("creating: %v", err)
			}
		})
		racing.Wait()
		page, err := s.Ports.Users.List(t.Context(), domain.UserQuery{})
		if err != nil {
			t.Fatal(err)
		}
		holders := 0
		for _, u := range page.Users {
			if u.UsernameKey == "chief@example.com" || u.EmailKey == "chief@example.com" {
				holders++
			}
		}
		if holders != 1 {
			t.Errorf("%d users have the name, want 1", holders)
		}
	}
}

func TestDirectoryAttributesFollowTheRulesOfTheAPIs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		identity domain.Identity
		want     [3]string // full name, email, phone number
	}{
		"control and bidirectional characters": {domain.Identity{Person: domain.Person{FullName: "Eve\x1b[31m " +
			"\u202ereverse\r\n"}}, [3]string{"Eve[31m reverse"}},
		"a name that is too long": {
			domain.Identity{Person: domain.Person{FullName: strings.Repeat("ž", 300)}},
			[3]string{strings.Repeat("ž", 200)},
		},
		"an address that is none":  {domain.Identity{Email: "eve\u202e@example.org"}, [3]string{}},
		"an address with a filler": {domain.Identity{Email: "eve\u3164@example.org"}, [3]string{}},
		"a written phone number": {
			domain.Identity{Person: domain.Person{PhoneNumber: "+420 (0)123-456.789"}},
			[3]string{"", "", "+420123456789"},
		},
		"a phone number that is none": {domain.Identity{Person: domain.Person{PhoneNumber: "ext. 12\x00"}}, [3]string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			tt.identity.Directory, tt.identity.Subject, tt.identity.Username = "corp", "s-1", "eve"
			got, err := s.Provisioner.Provision(t.Context(), domain.System(), tt.identity, true)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, [3]string{got.FullName, got.Email, got.PhoneNumber}); diff != "" {
				t.Error(diff)
			}
		})
	}
	s := kit.Start(t, kit.Options{})
	for _, name := range []string{"eve\u202e", "eve\x00", "eve\u3164", "", "  ", strings.Repeat("e", 257)} {
		if _, err := s.Provisioner.Provision(t.Context(), domain.System(), person(name, ""), true); !errors.Is(err,
			directory.ErrNotProvisioned) {
			t.Errorf("%q: got %v, want ErrNotProvisioned", name, err)
		}
	}
}

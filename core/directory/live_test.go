package directory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
)

// signedIn adds a session to a user.
func (h *fixture) signedIn(t *testing.T, name string) domain.User {
	t.Helper()
	u := h.user(t, name)
	updated, err := h.Store.Users().Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
		now := h.Clock.Now()
		u.LastLogin = now
		u.Sessions = append(u.Sessions, domain.SessionRef{
			ID: domain.SessionID("sess_" + name), StartedAt: now,
			ExpiresAt: now.Add(24 * time.Hour),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return updated
}

func TestCheckLiveEndsSessionsOfRemovedAccounts(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 150, func(s *ldapdir.Settings) {
		s.Roles = []ldapdir.RoleRule{{Group: "eng", Role: "operator"}}
	})
	h.sync(t)
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		h.signedIn(t, name)
	}
	sessions := func(name string) int { return len(h.user(t, name).Sessions) }
	check := func() {
		t.Helper()
		if err := h.service.CheckLive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check()
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		if sessions(name) != 1 {
			t.Errorf("%s has %d sessions after a check without changes", name, sessions(name))
		}
	}

	h.modify(t, openldap.PersonDN("alice"),
		func(m *ldap.ModifyRequest) { m.Replace("employeeType", []string{"inactive"}) })
	h.remove(t, openldap.PersonDN("dave"))
	h.modify(t, openldap.GroupDN("eng"),
		func(m *ldap.ModifyRequest) { m.Delete("member", []string{openldap.PersonDN("bob")}) })
	check()
	alice, dave := h.user(t, "alice"), h.user(t, "dave")
	if len(alice.Sessions) != 0 || alice.KeyEpoch != 1 {
		t.Errorf("disabled user: %d sessions, key epoch %d, want 0 and 1", len(alice.Sessions), alice.KeyEpoch)
	}
	if len(dave.Sessions) != 0 || dave.KeyEpoch != 0 {
		t.Errorf("removed user: %d sessions, key epoch %d, want 0 and 0", len(dave.Sessions), dave.KeyEpoch)
	}
	if bob := h.user(t, "bob"); len(bob.Sessions) != 1 || bob.Role != domain.RoleUser {
		t.Errorf("user who left the group: %d sessions, role %s", len(bob.Sessions), bob.Role)
	}
	if sessions("carol") != 1 {
		t.Error("the session of an unchanged user ended")
	}
}

func TestDirectoryOutageEndsNoSession(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, func(s *ldapdir.Settings) { s.Timeouts.Connect = 500 * time.Millisecond })
	h.sync(t)
	h.signedIn(t, "alice")
	h.slapd.Stop()
	if err := h.service.CheckLive(t.Context()); !errors.Is(err, domain.ErrDirectoryUnavailable) {
		t.Errorf("CheckLive: got error %v, want ErrDirectoryUnavailable", err)
	}
	if u := h.user(t, "alice"); len(u.Sessions) != 1 {
		t.Error("the session ended")
	}
}

// addHungDirectory registers a directory before the others whose server accepts requests and never responds, and whose
// users have live sessions.
func (h *fixture) addHungDirectory(t *testing.T) {
	t.Helper()
	proxy := faultproxy.New(t, h.slapd.Address())
	s := h.settings
	s.URLs, s.CAFile, s.AllowPlaintext = []string{"ldap://localhost:" + proxy.Port()}, "", true
	hung, err := ldapdir.New("hung", ldapdir.TypeLDAP, s, wall{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hung.Close(context.Background()) })
	proxy.Silent.Store(true)
	if h.Registry, err = directory.NewRegistry("corp", hung, h.corp); err != nil {
		t.Fatal(err)
	}
	h.service = h.newService(t, 100)
	u := h.signedIn(t, "grace")
	if _, err := h.Store.Users().Update(t.Context(), u.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Directory = "hung"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// completesWhileHung starts run, which a hung directory keeps from returning, waits until done returns true, and then
// cancels run.
func completesWhileHung(t *testing.T, run func(context.Context) error, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the hung directory blocks the other directory")
			break
		}
	}
	cancel()
	<-ended
}

func TestHungDirectoryDoesNotBlockOtherDirectories(t *testing.T) {
	t.Parallel()
	h := newFixture(t, 0, nil)
	h.sync(t)
	h.signedIn(t, "dave")
	h.setDisabled(t, "dave", true)
	h.addHungDirectory(t)
	completesWhileHung(t, h.service.CheckLive, func() bool { return len(h.user(t, "dave").Sessions) == 0 })
	completesWhileHung(t, h.service.RunScheduled,
		func() bool { return h.user(t, "dave").Status == domain.StatusDeactivated })
}

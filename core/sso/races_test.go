package sso_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

// onBothStores runs the test with the services on SQLite and on MongoDB.
func onBothStores(t *testing.T, test func(t *testing.T, s *kit.Services)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newRig(t, nil).Services)
	})
	t.Run("mongodb", func(t *testing.T) {
		t.Parallel()
		r, server := newRig(t, nil), mongod.Shared(t)
		store, err := mongostore.Open(t.Context(), mongostore.Config{
			URI: server.URI(), Database: server.Database(t), Clock: r.Clock, NoTTL: true, Timeout: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		test(t, r.Node(t, func(o *kit.Options) {
			o.Ports = func(p *ports.Storage) { *p = store.Ports() }
		}))
	})
}

func identityOf(name string) domain.Identity {
	return domain.Identity{
		Directory: "corp", Subject: domain.Subject(name), Username: name, Email: name + "@example.org", EmailVerified: true,
	}
}

// TestConcurrentFirstSignInsKeepAddress covers a person's first sign-ins on several devices at once: none takes the
// address from the user that another has just created.
func TestConcurrentFirstSignInsKeepAddress(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *kit.Services) {
		t.Helper()
		for n := range 10 {
			identity := identityOf(fmt.Sprintf("person%d", n))
			var signIns sync.WaitGroup
			for range 8 {
				signIns.Go(func() {
					user, err := s.Provisioner.Provision(t.Context(), someone(), identity, true)
					if err != nil || user.Email != identity.Email {
						t.Errorf("%s has %q, %v", identity.Username, user.Email, err)
					}
				})
			}
			signIns.Wait()
		}
		changes, err := s.Ports.Audit.List(t.Context(), domain.AuditQuery{
			Actions: []domain.Action{domain.ActionUserUpdate}, Page: domain.Page{Number: 1, Limit: 100},
		})
		if err != nil || len(changes.Entries) != 0 {
			t.Errorf("%d changes of users, %v", len(changes.Entries), err)
		}
	})
}

// TestConcurrentSignInsWithSwappedAddresses covers two people of a provider that has exchanged their addresses: the
// sign-ins end, no address has two users, and the next sign-ins leave everybody with their own.
func TestConcurrentSignInsWithSwappedAddresses(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *kit.Services) {
		t.Helper()
		pair := []domain.Identity{identityOf("alice"), identityOf("bob")}
		signIn := func(identity domain.Identity) domain.User {
			user, err := s.Provisioner.Provision(t.Context(), someone(), identity, true)
			if err != nil {
				t.Errorf("%s: %v", identity.Username, err)
			}
			return user
		}
		for _, identity := range pair {
			signIn(identity)
		}
		for range 10 {
			pair[0].Email, pair[1].Email = pair[1].Email, pair[0].Email
			var signIns sync.WaitGroup
			for n := range 8 {
				signIns.Go(func() { signIn(pair[n%2]) })
			}
			signIns.Wait()
			signIn(pair[0])
			for _, identity := range []domain.Identity{pair[1], pair[0]} {
				if user := signIn(identity); user.Email != identity.Email || !user.EmailVerified {
					t.Errorf("%s has %q, verified %t", identity.Username, user.Email, user.EmailVerified)
				}
			}
		}
	})
}

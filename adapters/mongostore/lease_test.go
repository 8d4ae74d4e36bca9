package mongostore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// leased opens a node whose leases last for the duration given. It connects to the members in uri only.
func leased(t *testing.T, server *mongotap.Server, uri string, lasts time.Duration,
	change ...func(*mongostore.Config),
) *mongostore.Store {
	t.Helper()
	return openOwn(t, server, append(change, func(c *mongostore.Config) { c.URI, c.Lease = uri, lasts })...)
}

// only returns the address of member i alone, for a node that reaches no other.
func only(server *mongotap.Server, i int) string {
	return "mongodb://" + server.AddressOf(i) + "/?directConnection=true"
}

func revoke(ctx context.Context, s *mongostore.Store) error {
	_, err := s.Users().Update(ctx, "usr_1", func(u *domain.User, out *domain.Outbox) error {
		u.Sessions = nil
		out.Record(entry("logout", domain.ActionLogout))
		return nil
	})
	return err
}

// lasting is short, so that tests need not wait long, and long compared with the pauses of a busy machine.
const lasting = time.Second

// shortest is the timeout where a test waits for its end. The heartbeats of the driver have it too.
const shortest = 8 * time.Second

// TestPartitionedPrimaryAcceptsNoRevokedSession partitions the old primary and a node that reaches only this
// primary. Another node revokes the session. From then on, the partitioned node must not accept the session.
func TestPartitionedPrimaryAcceptsNoRevokedSession(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lasts  time.Duration
		strict bool
		want   error
	}{
		"with leases":          {lasts: lasting, want: fault.ErrStorage},
		"with strict_verify":   {strict: true, want: fault.ErrStorage},
		"but not without both": {want: nil}, // proves that the test can fail
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newSet(t)
			strict := func(c *mongostore.Config) { c.Strict, c.Timeout = tt.strict, shortest }
			apart := leased(t, server, only(server, 0), tt.lasts, strict)
			signIn(t, apart)
			look(t, apart, nil)
			server.CutOff(t, 1)
			others := leased(t, server, only(server, 1), tt.lasts)
			if err := revoke(t.Context(), others); err != nil {
				t.Fatalf("revoking at the new primary: %v", err)
			}
			look(t, apart, tt.want)
			look(t, others, domain.ErrSessionNotFound)
		})
	}
}

func look(t *testing.T, s *mongostore.Store, want error) {
	t.Helper()
	if _, err := s.View().Lookup(t.Context(), "sess_1"); !errors.Is(err, want) {
		t.Errorf("Look = %v, want %v", err, want)
	}
}

// TestNewPrimaryIsTrustedAfterMajorityWrite elects a primary that has the revocation and does not know yet that it is
// committed.
func TestNewPrimaryIsTrustedAfterMajorityWrite(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lasts time.Duration
		want  error
	}{
		"with leases":            {time.Minute, fault.ErrStorage},
		"but not without leases": {0, nil}, // proves that the test can fail
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newSet(t)
			first := openOwn(t, server)
			second := leased(t, server, server.URI(), tt.lasts, func(c *mongostore.Config) { c.Timeout = shortest })
			signIn(t, first)
			look(t, second, nil)
			release := server.FreezeCommitted(t, 1)
			if err := revoke(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			server.Elect(t, 1)
			look(t, second, tt.want)
			release()
			waitForRevocation(t, second, tt.want)
		})
	}
}

// waitForRevocation waits until the session is refused. Until then, lookups result in meanwhile.
func waitForRevocation(t *testing.T, s *mongostore.Store, meanwhile error) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		_, err := s.View().Lookup(t.Context(), "sess_1")
		if errors.Is(err, domain.ErrSessionNotFound) {
			return
		}
		if !errors.Is(err, meanwhile) {
			t.Fatalf("Lookup = %v, want %v until the session is refused", err, meanwhile)
		}
	}
	t.Fatal("the revocation was not seen within a minute")
}

func TestExpiredLeaseIsNotUsed(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	signIn(t, openOwn(t, server))
	look(t, leased(t, server, server.URI(), 40*time.Nanosecond), fault.ErrStorage)
}

func TestChangeWaitsForLeasesOfPreviousPrimary(t *testing.T) {
	t.Parallel()
	server := newSet(t)
	s := leased(t, server, server.URI(), lasting)
	signIn(t, s)
	began := time.Now()
	server.Elect(t, 2)
	if err := revoke(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < lasting {
		t.Errorf("a change after an election returned after %v, want at least the duration of a lease", took)
	}
	impatient := leased(t, server, server.URI(), time.Hour, func(c *mongostore.Config) { c.Timeout = shortest })
	if err := revoke(t.Context(), impatient); !errors.Is(err, fault.ErrStorage) {
		t.Errorf("a change that timed out while waiting = %v, want fault.ErrStorage", err)
	}
}

func TestChecksShareOneLease(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	s := leased(t, server, server.URI(), time.Hour)
	if err := s.Users().Create(t.Context(), ada(), outbox()); err != nil {
		t.Fatal(err)
	}
	server.Forget()
	for range 50 {
		look(t, s, domain.ErrSessionNotFound)
		if _, err := s.CatalogStore().Catalog(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	proofs := 0
	for _, c := range server.Commands() {
		if c.Name == "update" && strings.Contains(fmt.Sprint(c.Body), "lease") {
			proofs++
		}
	}
	if proofs != 1 {
		t.Errorf("%d lease renewals, want 1", proofs)
	}
}

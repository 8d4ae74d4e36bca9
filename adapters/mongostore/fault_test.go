package mongostore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

func rename(u *domain.User, out *domain.Outbox) error {
	u.FullName += "!"
	out.Record(entry("rename", domain.ActionUserUpdate))
	return nil
}

func logged(t *testing.T, s *mongostore.Store, action domain.Action) int {
	t.Helper()
	page, err := s.Audit().List(t.Context(), domain.AuditQuery{
		Actions: []domain.Action{action},
		Page:    domain.Page{Number: 1, Limit: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Entries)
}

func TestWriteIsAppliedOnceDespiteFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault    mongotap.Fault
		wantErr  error
		wantName string // of the user afterwards
	}{
		"retries after a connection drops before the write": {
			mongotap.Fault{Command: "update", Collection: "users", Do: mongotap.DropBefore()}, nil, "Ada Lovelace!",
		},
		"does not write twice after a connection drops after the write": {
			mongotap.Fault{Command: "update", Collection: "users", Do: mongotap.DropAfter()}, nil, "Ada Lovelace!",
		},
		"retries after a write conflict": {
			mongotap.Fault{Command: "update", Collection: "users", Do: mongotap.Fail(112, "WriteConflict")},
			nil,
			"Ada Lovelace!",
		},
		"reports an unacknowledged majority as unknown": {
			mongotap.Fault{Command: "update", Collection: "users", Do: mongotap.WriteConcernFailed()},
			fault.ErrStorage,
			"Ada Lovelace!",
		},
		"reports an unknown error code as unknown": {
			mongotap.Fault{Command: "update", Collection: "users", Do: mongotap.Fail(8, "UnknownError")},
			fault.ErrStorage,
			"Ada Lovelace",
		},
		"writes from the document cache without a read": {
			mongotap.Fault{Command: "find", Collection: "users", Times: 100, Do: mongotap.Fail(8, "UnknownError")},
			nil,
			"Ada Lovelace!",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mongotap.Start(t)
			s := openOwn(t, server)
			signIn(t, s)
			server.Inject(tt.fault)
			_, err := s.Users().Update(t.Context(), "usr_1", rename)
			if !errors.Is(err, tt.wantErr) {
				t.Errorf("Update = %v, want %v", err, tt.wantErr)
			}
			server.ClearFaults()
			user, err := s.Users().Get(t.Context(), "usr_1")
			if err != nil || user.FullName != tt.wantName {
				t.Errorf("FullName = %q, %v; want %q", user.FullName, err, tt.wantName)
			}
		})
	}
}

func TestTokenIsConsumedWhenReplyIsLost(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := openOwn(t, server, func(c *mongostore.Config) {
		c.Monitor = &event.CommandMonitor{Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			if e.CommandName == "findAndModify" {
				cancel() // instead of a timeout
			}
		}}
	})
	now := newClock().Now()
	if err := s.SingleUseStore().Put(t.Context(), "code", []byte("x"), now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	server.Inject(mongotap.Fault{Command: "findAndModify", Collection: "once", Times: 1000, Do: mongotap.DropAfter()})
	if value, err := s.SingleUseStore().Consume(ctx, "code", now); !errors.Is(err, fault.ErrStorage) ||
		value != nil {
		t.Errorf("Consume with a lost reply = %q, %v; want fault.ErrStorage", value, err)
	}
	server.ClearFaults()
	if _, err := s.SingleUseStore().Consume(t.Context(), "code", now); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("Consume afterwards = %v, want fault.ErrNotFound", err)
	}
}

func TestConcurrentUpsertIsRetried(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	s := openOwn(t, server)
	now := newClock().Now()
	duplicate := mongotap.Fail(11000, "DuplicateKey")
	server.Inject(mongotap.Fault{Command: "update", Collection: "once", Do: duplicate})
	if err := s.SingleUseStore().Put(t.Context(), "code", []byte("x"), now.Add(time.Minute)); err != nil {
		t.Errorf("Put after one duplicate = %v", err)
	}
	server.Inject(mongotap.Fault{Command: "update", Collection: "guards", Do: duplicate})
	if err := s.AdminGuard().Join(t.Context(), "usr_1"); err != nil {
		t.Errorf("Join after one duplicate = %v", err)
	}
	server.Inject(mongotap.Fault{Command: "insert", Collection: "attempts", Do: duplicate})
	err := s.AttemptStore().Update(t.Context(), "user:1", now, func(a *domain.Attempts, _ *domain.Outbox) error {
		a.Failures = append(a.Failures, domain.Attempt{ID: "1", At: now})
		return nil
	})
	if err != nil {
		t.Errorf("Update after one duplicate = %v", err)
	}
	server.Inject(mongotap.Fault{Command: "findAndModify", Collection: "rates", Do: duplicate})
	if state, err := s.RateLimiter().Take(t.Context(), "login:192.0.2.1", domain.Rate{Limit: 1, Window: time.Minute},
		now); err != nil || !state.Allowed {
		t.Errorf("Take after one duplicate = %+v, %v", state, err)
	}
}

func TestSweepDeliversEntriesAfterCrash(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	now := newClock()
	s := openOwn(t, server, func(c *mongostore.Config) { c.Clock = now })
	signIn(t, s)
	server.Inject(mongotap.Fault{Command: "insert", Collection: "audit", Times: 2, Do: mongotap.Fail(8, "UnknownError")})
	if _, err := s.Users().Update(t.Context(), "usr_1", rename); !errors.Is(err, fault.ErrStorage) {
		t.Fatalf("Update with a failed insert of the entry = %v, want fault.ErrStorage", err)
	}
	if err := s.Users().Delete(t.Context(), "usr_1", outbox(entry("purge", domain.ActionUserPurge))); !errors.Is(err,
		fault.ErrStorage) {
		t.Fatalf("Delete with a failed insert of the entry = %v, want fault.ErrStorage", err)
	}
	if got := logged(t, s, domain.ActionUserUpdate) + logged(t, s, domain.ActionUserPurge); got != 0 {
		t.Fatalf("%d entries before the sweep, want none", got)
	}
	now.advance(time.Minute)
	for range 2 { // the second has nothing to do
		if err := s.FinishOutboxes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if logged(t, s, domain.ActionUserUpdate) != 1 || logged(t, s, domain.ActionUserPurge) != 1 {
		t.Error("the sweep did not deliver each entry exactly once")
	}
	page, err := s.Users().List(t.Context(), domain.UserQuery{Page: domain.Page{Number: 1, Limit: 10}})
	if err != nil || page.Total != 0 {
		t.Errorf("%d users after the sweep, %v; want the tombstone removed", page.Total, err)
	}
}

func TestSweepIncrementsCatalogVersionAfterCrash(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	now := newClock()
	first := openOwn(t, server, func(c *mongostore.Config) { c.Clock = now })
	second := openOwn(t, server, func(c *mongostore.Config) { c.Clock = now })
	before, err := second.CatalogStore().Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server.Inject(mongotap.Fault{
		Command: "update", Collection: "catalog", Skip: 1,
		Do: mongotap.Fail(8, "UnknownError"),
	})
	_, err = first.CatalogStore().UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
		x.Session.MaxSessions = 9
		return nil
	})
	if !errors.Is(err, fault.ErrStorage) {
		t.Fatalf("UpdateSettings with a failed version increment = %v, want fault.ErrStorage", err)
	}
	now.advance(time.Minute)
	if err := second.FinishOutboxes(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := second.CatalogStore().Catalog(t.Context())
	if err != nil || after.Version <= before.Version || after.Settings.Session.MaxSessions != 9 {
		t.Errorf("the other node has version %d after %d and MaxSessions %d, %v; want a later version and 9",
			after.Version, before.Version, after.Settings.Session.MaxSessions, err)
	}
}

func TestFailoverToNewPrimary(t *testing.T) {
	t.Parallel()
	server := newSet(t)
	s := leased(t, server, server.URI(), lasting/4)
	signIn(t, s)
	for _, primary := range []int{1, 2, 0} {
		server.Elect(t, primary)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := s.Users().Update(ctx, "usr_1", rename); err != nil {
			t.Errorf("Update after the election of %d = %v", primary, err)
		}
		if _, err := s.View().Lookup(ctx, "sess_1"); err != nil {
			t.Errorf("Lookup after the election of %d = %v", primary, err)
		}
		cancel()
	}
}

// everyKindOfCall returns a read, a lookup, a conditional write, an insert, the consumption of a token and a ping.
func everyKindOfCall(s *mongostore.Store) map[string]func(context.Context) error {
	now := newClock().Now()
	return map[string]func(context.Context) error{
		"Get": func(ctx context.Context) error { _, err := s.Users().Get(ctx, "usr_1"); return err },
		"Look": func(ctx context.Context) error {
			_, err := s.View().Lookup(ctx, "sess_1")
			return err
		},
		"Update": func(ctx context.Context) error { _, err := s.Users().Update(ctx, "usr_1", rename); return err },
		"Append": func(ctx context.Context) error {
			return s.Audit().Append(ctx, entry("denied", domain.ActionPermissionDenied))
		},
		"Consume": func(ctx context.Context) error { _, err := s.SingleUseStore().Consume(ctx, "code", now); return err },
		"Ping":    func(ctx context.Context) error { return s.Ping(ctx) },
	}
}

// refusedInTime makes every kind of call concurrently and fails unless each returns fault.ErrStorage. The default
// timeout is 2.5 seconds; the limit is for a busy machine, and less than the 30 seconds that the driver waits by
// default.
func refusedInTime(t *testing.T, s *mongostore.Store) {
	t.Helper()
	const limit = 10 * time.Second
	var calls sync.WaitGroup
	for name, run := range everyKindOfCall(s) {
		calls.Go(func() {
			started := time.Now()
			if err := run(t.Context()); !errors.Is(err, fault.ErrStorage) {
				t.Errorf("%s = %v, want fault.ErrStorage", name, err)
			}
			if took := time.Since(started); took > limit {
				t.Errorf("%s took %v, want at most %v", name, took, limit)
			}
		})
	}
	calls.Wait()
}

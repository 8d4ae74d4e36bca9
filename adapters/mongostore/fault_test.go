package mongostore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongowire"
)

// Everything here runs against our own server, which is not MongoDB; it plays the faults.

func rename(u *domain.User, out *domain.Outbox) error {
	u.FullName += "!"
	out.Record(entry("rename", domain.ActionUserUpdate))
	return nil
}

func logged(t *testing.T, s *mongostore.Store, action domain.Action) int {
	t.Helper()
	page, err := s.Audit().List(t.Context(), domain.AuditQuery{Actions: []domain.Action{action}, Page: domain.Page{Number: 1, Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Entries)
}

func TestOwnServerOneWriteIsDoneOnceWhateverHappensToIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault    mongowire.Fault
		wantErr  error
		wantName string // of the user afterwards
	}{
		"a connection that drops before the write is tried again": {
			mongowire.Fault{Command: "update", Collection: "users", Do: mongowire.DropBefore()}, nil, "Ada Lovelace!",
		},
		"a connection that drops after the write is asked again and not written twice": {
			mongowire.Fault{Command: "update", Collection: "users", Do: mongowire.DropAfter()}, nil, "Ada Lovelace!",
		},
		"a write conflict is a lost race": {
			mongowire.Fault{Command: "update", Collection: "users", Do: mongowire.Fail(112, "WriteConflict")}, nil, "Ada Lovelace!",
		},
		"an unconfirmed majority is not known": {
			mongowire.Fault{Command: "update", Collection: "users", Do: mongowire.WriteConcernFailed()}, fault.ErrStorage, "Ada Lovelace!",
		},
		"an error that nobody knows is not known": {
			mongowire.Fault{Command: "update", Collection: "users", Do: mongowire.Fail(8, "UnknownError")}, fault.ErrStorage, "Ada Lovelace",
		},
		"a server that cannot read says so": {
			mongowire.Fault{Command: "find", Collection: "users", Times: 100, Do: mongowire.Fail(8, "UnknownError")}, nil, "Ada Lovelace!",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mongowire.Start(t)
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
				t.Errorf("the user is %q, %v; want %q", user.FullName, err, tt.wantName)
			}
		})
	}
}

func TestOwnServerASingleUseThingIsBurnedRatherThanDoubled(t *testing.T) {
	t.Parallel()
	server := mongowire.Start(t)
	s := openOwn(t, server, func(c *mongostore.Config) { c.Timeout = 300 * time.Millisecond })
	now := newClock().Now()
	if err := s.Guards().Put(t.Context(), "code", []byte("x"), now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	server.Inject(mongowire.Fault{Command: "findAndModify", Collection: "once", Times: 1000, Do: mongowire.DropAfter()})
	if value, err := s.Guards().TakeOnce(t.Context(), "code", now); !errors.Is(err, fault.ErrStorage) || value != nil {
		t.Errorf("TakeOnce whose answer is lost = %q, %v; want fault.ErrStorage", value, err)
	}
	server.ClearFaults()
	if _, err := s.Guards().TakeOnce(t.Context(), "code", now); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("TakeOnce afterwards = %v, want it burned", err)
	}
}

func TestOwnServerADuplicateOfTwoThatMakeOneDocumentIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := mongowire.Start(t)
	s := openOwn(t, server)
	now := newClock().Now()
	duplicate := mongowire.Fail(11000, "DuplicateKey")
	server.Inject(mongowire.Fault{Command: "update", Collection: "once", Do: duplicate})
	if err := s.Guards().Put(t.Context(), "code", []byte("x"), now.Add(time.Minute)); err != nil {
		t.Errorf("Put after one duplicate = %v", err)
	}
	server.Inject(mongowire.Fault{Command: "update", Collection: "guards", Do: duplicate})
	if err := s.Guards().Join(t.Context(), "usr_1"); err != nil {
		t.Errorf("Join after one duplicate = %v", err)
	}
	server.Inject(mongowire.Fault{Command: "insert", Collection: "attempts", Do: duplicate})
	err := s.Guards().UpdateAttempts(t.Context(), "user:1", now, func(a *domain.Attempts, _ *domain.Outbox) error {
		a.Failures = append(a.Failures, domain.Attempt{ID: "1", At: now})
		return nil
	})
	if err != nil {
		t.Errorf("UpdateAttempts after one duplicate = %v", err)
	}
	server.Inject(mongowire.Fault{Command: "findAndModify", Collection: "rates", Do: duplicate})
	if state, err := s.Guards().Take(t.Context(), "login:192.0.2.1", domain.Rate{Limit: 1, Window: time.Minute}, now); err != nil || !state.Allowed {
		t.Errorf("Take after one duplicate = %+v, %v", state, err)
	}
}

func TestOwnServerACrashBetweenChangeAndEntryIsMadeGood(t *testing.T) {
	t.Parallel()
	server := mongowire.Start(t)
	now := newClock()
	s := openOwn(t, server, func(c *mongostore.Config) { c.Clock = now })
	signIn(t, s)
	server.Inject(mongowire.Fault{Command: "insert", Collection: "audit", Times: 2, Do: mongowire.Fail(8, "UnknownError")})
	if _, err := s.Users().Update(t.Context(), "usr_1", rename); !errors.Is(err, fault.ErrStorage) {
		t.Fatalf("Update whose entry could not be inserted = %v, want fault.ErrStorage", err)
	}
	if err := s.Users().Delete(t.Context(), "usr_1", outbox(entry("purge", domain.ActionUserPurge))); !errors.Is(err, fault.ErrStorage) {
		t.Fatalf("Delete whose entry could not be inserted = %v, want fault.ErrStorage", err)
	}
	if got := logged(t, s, domain.ActionUserUpdate) + logged(t, s, domain.ActionUserPurge); got != 0 {
		t.Fatalf("%d entries before the sweep", got)
	}
	now.advance(time.Minute)
	for range 2 { // the second has nothing to do
		if err := s.FinishOutboxes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if logged(t, s, domain.ActionUserUpdate) != 1 || logged(t, s, domain.ActionUserPurge) != 1 {
		t.Error("the sweep did not bring each entry into the log once")
	}
	page, err := s.Users().List(t.Context(), domain.UserQuery{Page: domain.Page{Number: 1, Limit: 10}})
	if err != nil || page.Total != 0 {
		t.Errorf("after the sweep there are %d users, %v; want the tombstone gone", page.Total, err)
	}
}

func TestOwnServerACatalogThatWasNotToldOfAChangeIsToldByTheSweep(t *testing.T) {
	t.Parallel()
	server := mongowire.Start(t)
	now := newClock()
	first := openOwn(t, server, func(c *mongostore.Config) { c.Clock = now })
	second := openOwn(t, server, func(c *mongostore.Config) { c.Clock = now })
	before, err := second.CatalogStore().Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server.Inject(mongowire.Fault{Command: "update", Collection: "catalog", Skip: 1, Do: mongowire.Fail(8, "UnknownError")})
	_, err = first.CatalogStore().UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
		x.Session.MaxSessions = 9
		return nil
	})
	if !errors.Is(err, fault.ErrStorage) {
		t.Fatalf("UpdateSettings whose version could not be raised = %v", err)
	}
	now.advance(time.Minute)
	if err := second.FinishOutboxes(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := second.CatalogStore().Catalog(t.Context())
	if err != nil || after.Version <= before.Version || after.Settings.Session.MaxSessions != 9 {
		t.Errorf("the other node has version %d after %d and %d sessions, %v", after.Version, before.Version, after.Settings.Session.MaxSessions, err)
	}
}

func TestOwnServerANewPrimaryTakesOver(t *testing.T) {
	t.Parallel()
	server := mongowire.StartSet(t, 3)
	s := leased(t, server, server.URI(), lasting/4)
	signIn(t, s)
	for _, primary := range []int{1, 2, 0} {
		server.Elect(primary)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := s.Users().Update(ctx, "usr_1", rename); err != nil {
			t.Errorf("Update after the election of %d = %v", primary, err)
		}
		if _, err := s.View().Look(ctx, "sess_1"); err != nil {
			t.Errorf("Look after the election of %d = %v", primary, err)
		}
		cancel()
	}
}

func TestOwnServerWithoutAPrimaryTheAnswerIs503WithinThreeSeconds(t *testing.T) {
	t.Parallel()
	server := mongowire.StartSet(t, 3)
	s := leased(t, server, server.URI(), lasting/4)
	signIn(t, s)
	server.Elect(-1)
	refusedInTime(t, s)
	server.Elect(1)
	if _, err := s.View().Look(t.Context(), "sess_1"); err != nil {
		t.Errorf("Look once there is a primary = %v", err)
	}
}

// everyKindOfCall holds a read, a look, a conditional write, an insert, a take and a probe.
func everyKindOfCall(s *mongostore.Store) map[string]func(context.Context) error {
	now := newClock().Now()
	return map[string]func(context.Context) error{
		"Get": func(ctx context.Context) error { _, err := s.Users().Get(ctx, "usr_1"); return err },
		"Look": func(ctx context.Context) error {
			_, err := s.View().Look(ctx, "sess_1")
			return err
		},
		"Update": func(ctx context.Context) error { _, err := s.Users().Update(ctx, "usr_1", rename); return err },
		"Append": func(ctx context.Context) error {
			return s.Audit().Append(ctx, entry("denied", domain.ActionPermissionDenied))
		},
		"TakeOnce": func(ctx context.Context) error { _, err := s.Guards().TakeOnce(ctx, "code", now); return err },
		"Ping":     func(ctx context.Context) error { return s.Ping(ctx) },
	}
}

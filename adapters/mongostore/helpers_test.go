package mongostore_test

import (
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// clock is a clock that only advance moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// patience is the timeout of a tested store unless the test is about timeouts: longer than any pause of a busy machine.
const patience = time.Minute

// openOwn opens a store on the database of the tap.
func openOwn(t *testing.T, server *mongotap.Server, change ...func(*mongostore.Config)) *mongostore.Store {
	t.Helper()
	config := mongostore.Config{
		URI: server.URI(), Database: server.Database, Clock: newClock(), NoTTL: true, Timeout: patience,
	}
	for _, c := range change {
		c(&config)
	}
	s, err := mongostore.Open(t.Context(), config)
	if err != nil {
		t.Fatalf("opening the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}

// newSet starts a replica set of three with the schema, whose creation may take longer than a call of a store with a
// short timeout.
func newSet(t *testing.T) *mongotap.Server {
	t.Helper()
	server := mongotap.StartSet(t)
	s := openOwn(t, server)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Forget()
	return server
}

func entry(id string, action domain.Action) domain.AuditEntry {
	return domain.AuditEntry{
		ID: domain.LogID("log_" + id), Time: newClock().Now(), UserID: "usr_1", Action: action, Success: true,
		IPAddress: "192.0.2.1",
		Target:    "usr_1", Details: map[string]any{"a.b": "c"}, Personal: map[string]any{"username": "ada"},
	}
}

func outbox(entries ...domain.AuditEntry) domain.Outbox { return domain.Outbox{Entries: entries} }

func ada() domain.User {
	at := newClock().Now()
	return domain.User{
		ID: "usr_1", Identifier: "0000000a", Username: "Ada", UsernameKey: "ada", Email: "Ada@Example.org",
		EmailKey: "ada@example.org",
		Person:   domain.Person{FullName: "Ada Lovelace"}, SearchText: "ada\nada@example.org\nada lovelace",
		Role: domain.RoleUser, Status: domain.StatusActive,
		Directory: "local", CreatedAt: at, UpdatedAt: at,
	}
}

func session(id domain.SessionID) domain.Session {
	at := newClock().Now()
	return domain.Session{
		ID: id, UserID: "usr_1", Kind: domain.SessionLogin, CreatedAt: at, LastActivity: at, ExpiresAt: at.Add(time.Hour),
		AuthTime: at,
		Refresh:  domain.RefreshFamily{Key: []byte("sealed"), Counter: 1},
	}
}

// signIn stores the user ada with one live session.
func signIn(t *testing.T, s *mongostore.Store) {
	t.Helper()
	if err := s.Users().Create(t.Context(), ada(), outbox(entry("create", domain.ActionUserCreate))); err != nil {
		t.Fatal(err)
	}
	if err := s.Sessions().Create(t.Context(), session("sess_1")); err != nil {
		t.Fatal(err)
	}
	list(t, s, "sess_1")
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, s *mongostore.Store, id domain.SessionID) {
	t.Helper()
	_, err := s.Users().Update(t.Context(), "usr_1", func(u *domain.User, out *domain.Outbox) error {
		u.Sessions = append(u.Sessions, domain.SessionRef{ID: id, ExpiresAt: newClock().Now().Add(time.Hour)})
		out.Record(entry("login"+string(id), domain.ActionLogin))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

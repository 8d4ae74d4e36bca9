package sqlitestore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// TestActivityIsKeptWhileDiskIsFull also shows that closing the store writes it.
func TestActivityIsKeptWhileDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	u := testUser("jane")
	at := u.CreatedAt.Add(time.Minute)
	const count = 2500
	for i := range count {
		session := domain.Session{
			ID: domain.SessionID(fmt.Sprint("sess_", i)), UserID: u.ID, CreatedAt: u.CreatedAt, LastActivity: u.CreatedAt,
			ExpiresAt: u.CreatedAt.Add(time.Hour),
		}
		if err := s.Sessions().Create(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		if err := s.View().Touch(t.Context(), session.ID, at); err != nil {
			t.Fatal(err)
		}
	}
	room := full(t, s)
	u.Metadata = []byte(`{"text":"` + strings.Repeat("x", 100_000) + `"}`)
	if err := s.Users().Create(t.Context(), u, domain.Outbox{}); !errors.Is(err, fault.ErrStorage) {
		t.Fatalf("Create on a full disk = %v, want fault.ErrStorage", err)
	}
	_ = s.Flush(t.Context()) // may fail; what it did not write stays
	if session, err := s.Sessions().Get(t.Context(), "sess_7"); err != nil || !session.LastActivity.Equal(at) {
		t.Errorf("last activity = %v, %v; want %v", session.LastActivity, err, at)
	}
	room()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir)
	for i := range count {
		session, err := s.Sessions().Get(t.Context(), domain.SessionID(fmt.Sprint("sess_", i)))
		if err != nil || !session.LastActivity.Equal(at) {
			t.Fatalf("last activity of session %d after the restart = %v, %v; want %v", i, session.LastActivity, err, at)
		}
	}
}

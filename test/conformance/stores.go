// Package conformance tests implementations of the storage ports: one suite for each port, with concurrency cases.
// Every store runs all of them:
//
//	func TestConformance(t *testing.T) {
//		conformance.All(t, func(t *testing.T) conformance.Stores { … })
//	}
package conformance

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Stores are the ports of one empty store. The suites use several together, since a change and its outbox are one
// write.
type Stores = ports.Storage

// Open opens an empty store for one test and closes it at the end of the test.
type Open func(t *testing.T) Stores

// All runs every suite.
func All(t *testing.T, open Open) {
	for name, suite := range map[string]func(*testing.T, Open){
		"EveryField": EveryField, "UserStore": UserStore, "UserList": UserList, "UserSearch": UserSearch,
		"AdminGuard":   AdminGuard,
		"SessionStore": SessionStore, "SessionView": SessionView, "LoginView": LoginView, "APIKeyStore": APIKeyStore,
		"ThirdPartyTokenStore": ThirdPartyTokenStore,
		"RoleStore":            RoleStore, "GroupStore": GroupStore, "SettingsStore": SettingsStore,
		"AttemptStore": AttemptStore, "RateLimiter": RateLimiter, "SingleUseStore": SingleUseStore, "DecoyStore": DecoyStore,
		"IdempotencyStore": IdempotencyStore,
		"AuditLog":         AuditLog, "AuditSeal": AuditSeal, "MessageQueue": MessageQueue, "Maintenance": Maintenance,
		"SigningKeyStore":   SigningKeyStore,
		"SyncPositionStore": SyncPositionStore,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, open)
		})
	}
}

// cases runs each case on a new store.
func cases(t *testing.T, open Open, tests map[string]func(*testing.T, Stores)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// epoch is the current time of the suites.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var idCounter atomic.Int64

// newID returns an id in our format: later ids sort after earlier ones.
func newID(prefix string) string { return fmt.Sprintf("%s%026d", prefix, idCounter.Add(1)) }

// newUser returns an active user whose name is derived from the number.
func newUser(number int) domain.User {
	name := fmt.Sprintf("user%06d", number)
	at := epoch.Add(time.Duration(number) * time.Second)
	return domain.User{
		ID: domain.UserID(newID(domain.UserPrefix)), Identifier: fmt.Sprintf("%08x", number),
		Username: name, UsernameKey: name, Email: name + "@example.com", EmailKey: name + "@example.com",
		Person:     domain.Person{FullName: "User " + name},
		SearchText: name + "\n" + name + "@example.com\nuser " + name,
		Role:       domain.RoleUser, Status: domain.StatusActive, Directory: "local", CreatedAt: at, UpdatedAt: at,
	}
}

// newEntry returns an audit entry about the target.
func newEntry(action domain.Action, target string) domain.AuditEntry {
	return domain.AuditEntry{
		ID: domain.LogID(newID(domain.LogPrefix)), Time: epoch, UserID: "usr_actor", Action: action, Success: true,
		IPAddress: "192.0.2.1", UserAgent: "suite/1", RequestID: "req-1", Target: target,
	}
}

func newMessage(to domain.UserID) domain.Message {
	return domain.Message{
		ID: domain.MessageID(newID(domain.MessagePrefix)), Channel: domain.ChannelMail, UserID: to, Payload: []byte("sealed"),
		CreatedAt: epoch, ExpiresAt: epoch.Add(time.Hour), NextTry: epoch,
	}
}

// outbox returns an outbox of one entry and one message.
func outbox(action domain.Action, target string) domain.Outbox {
	return domain.Outbox{
		Entries: []domain.AuditEntry{newEntry(action, target)}, Messages: []domain.Message{newMessage(domain.UserID(target))},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected failure: %v", err)
	}
}

// race makes n concurrent calls of f with their index, and returns how many succeeded. An error that allowed does not
// accept fails the test.
func race(t *testing.T, n int, allowed func(error) bool, f func(i int) error) int {
	t.Helper()
	var wins atomic.Int64
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			switch err := f(i); {
			case err == nil:
				wins.Add(1)
			case !allowed(err):
				t.Errorf("unexpected failure in a race: %v", err)
			}
		})
	}
	close(start)
	group.Wait()
	return int(wins.Load())
}

// never accepts no error.
func never(error) bool { return false }

// entriesAbout returns the audit entries with this target.
func entriesAbout(t *testing.T, s Stores, target string) []domain.AuditEntry {
	t.Helper()
	var found []domain.AuditEntry
	must(t, s.Proofs.Records(t.Context(), math.MinInt64, math.MaxInt64, domain.AuditQuery{},
		func(r *auditformat.Record) error {
			e, err := r.Entry()
			if err == nil && e.Target == target {
				found = append(found, e)
			}
			return err
		}))
	return found
}

// claimAll claims every message that is due at the epoch.
func claimAll(t *testing.T, s Stores) []domain.Message {
	t.Helper()
	messages, err := s.Messages.ClaimMessages(t.Context(), epoch, epoch.Add(time.Minute), 1000)
	must(t, err)
	return messages
}

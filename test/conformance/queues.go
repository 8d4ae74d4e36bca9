package conformance

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// ThirdPartyTokenStore tests a ports.ThirdPartyTokenStore.
func ThirdPartyTokenStore(t *testing.T, open Open) {
	token := domain.ThirdPartyToken{
		ID: "jti-1", Role: "guest", CreatedBy: "usr_1", CreatedAt: epoch,
		ExpiresAt: epoch.Add(time.Hour),
	}
	cases(t, open, map[string]func(*testing.T, Stores){
		"keeps, changes and lists records with their outbox": func(t *testing.T, s Stores) {
			must(t, s.Tokens.Create(t.Context(), token, outbox(domain.ActionTPTCreate, token.ID)))
			got, err := s.Tokens.Get(t.Context(), token.ID)
			must(t, err)
			same(t, got, token)
			revoked, err := s.Tokens.Update(t.Context(), token.ID, func(x *domain.ThirdPartyToken, out *domain.Outbox) error {
				x.RevokedAt = epoch.Add(time.Minute)
				*out = outbox(domain.ActionTPTRevoke, token.ID)
				return nil
			})
			must(t, err)
			all, err := s.Tokens.List(t.Context())
			must(t, err)
			same(t, all, []domain.ThirdPartyToken{revoked})
			if n := len(entriesAbout(t, s, token.ID)); n != 2 {
				t.Errorf("%d entries, want 2", n)
			}
		},
		"says that an absent one is not found": func(t *testing.T, s Stores) {
			_, err := s.Tokens.Get(t.Context(), "none")
			_, err2 := s.Tokens.Update(t.Context(), "none", func(*domain.ThirdPartyToken, *domain.Outbox) error { return nil })
			if !errors.Is(err, domain.ErrTokenNotFound) || !errors.Is(err2, domain.ErrTokenNotFound) {
				t.Errorf("got %v and %v, want ErrTokenNotFound", err, err2)
			}
		},
		"leaves nothing of a refused change": func(t *testing.T, s Stores) {
			must(t, s.Tokens.Create(t.Context(), token, domain.Outbox{}))
			_, err := s.Tokens.Update(t.Context(), token.ID, func(x *domain.ThirdPartyToken, out *domain.Outbox) error {
				x.RevokedAt = epoch
				*out = outbox(domain.ActionTPTRevoke, token.ID)
				return errRefused
			})
			got, err2 := s.Tokens.Get(t.Context(), token.ID)
			must(t, err2)
			same(t, got, token)
			if n := len(entriesAbout(t, s, token.ID)); n != 0 || !errors.Is(err, errRefused) {
				t.Errorf("%d entries were left, the error is %v", n, err)
			}
		},
	})
}

// MessageQueue tests a ports.MessageQueue.
func MessageQueue(t *testing.T, open Open) {
	send := func(t *testing.T, s Stores, messages ...domain.Message) {
		t.Helper()
		must(t, s.Users.Create(t.Context(), newUser(1), domain.Outbox{Messages: messages}))
	}
	claim := func(t *testing.T, s Stores, at time.Duration, limit int) []domain.Message {
		t.Helper()
		got, err := s.Messages.ClaimMessages(t.Context(), epoch.Add(at), epoch.Add(at+time.Minute), limit)
		must(t, err)
		return got
	}
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives a message as it was sent, to one worker until the lease ends": func(t *testing.T, s Stores) {
			m := newMessage("usr_1")
			send(t, s, m)
			same(t, claim(t, s, 0, 10), []domain.Message{m})
			if got := claim(t, s, 30*time.Second, 10); len(got) != 0 {
				t.Errorf("another worker got %d during the lease", len(got))
			}
			if got := claim(t, s, 2*time.Minute, 10); len(got) != 1 {
				t.Errorf("after the lease %d were given, want 1", len(got))
			}
		},
		"holds back what is not due and what has expired": func(t *testing.T, s Stores) {
			later, expired := newMessage("usr_1"), newMessage("usr_1")
			later.NextTry, expired.ExpiresAt = epoch.Add(time.Hour), epoch
			later.ExpiresAt = epoch.Add(2 * time.Hour)
			send(t, s, later, expired)
			if got := claim(t, s, 0, 10); len(got) != 0 {
				t.Errorf("%d were given, want none", len(got))
			}
			if got := claim(t, s, time.Hour, 10); len(got) != 1 || got[0].ID != later.ID {
				t.Errorf("%d were given, want the later one", len(got))
			}
		},
		"forgets what is done and counts what is tried again": func(t *testing.T, s Stores) {
			a, b := newMessage("usr_1"), newMessage("usr_1")
			send(t, s, a, b)
			claim(t, s, 0, 10)
			must(t, s.Messages.DoneMessage(t.Context(), a.ID))
			must(t, s.Messages.DoneMessage(t.Context(), a.ID))
			must(t, s.Messages.RetryMessage(t.Context(), a.ID, epoch, "gone"))
			must(t, s.Messages.RetryMessage(t.Context(), b.ID, epoch.Add(10*time.Second), "refused"))
			b.Attempts, b.LastError, b.NextTry = 1, "refused", epoch.Add(10*time.Second)
			if got := claim(t, s, 5*time.Second, 10); len(got) != 0 {
				t.Errorf("%d were given before their time", len(got))
			}
			same(t, claim(t, s, 20*time.Second, 10), []domain.Message{b})
		},
		"gives no more than the limit": func(t *testing.T, s Stores) {
			send(t, s, newMessage("usr_1"), newMessage("usr_1"), newMessage("usr_1"))
			if a, b := claim(t, s, 0, 2), claim(t, s, 0, 2); len(a) != 2 || len(b) != 1 {
				t.Errorf("%d and %d were given, want 2 and 1", len(a), len(b))
			}
		},
		"gives each message to one of racing workers": func(t *testing.T, s Stores) {
			const n = 60
			messages := make([]domain.Message, n)
			for i := range messages {
				messages[i] = newMessage("usr_1")
			}
			send(t, s, messages...)
			var mu sync.Mutex
			got := map[domain.MessageID]int{}
			race(t, 20, never, func(int) error {
				claimed, err := s.Messages.ClaimMessages(t.Context(), epoch, epoch.Add(time.Minute), 10)
				mu.Lock()
				defer mu.Unlock()
				for _, m := range claimed {
					got[m.ID]++
				}
				return err
			})
			for id, times := range got {
				if times != 1 {
					t.Errorf("message %s was given %d times", id, times)
				}
			}
			for _, m := range claimAll(t, s) {
				got[m.ID]++
			}
			if len(got) != n {
				t.Errorf("%d messages were given, want %d", len(got), n)
			}
		},
	})
}

// Maintenance tests a ports.Maintenance.
func Maintenance(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"answers": func(t *testing.T, s Stores) {
			must(t, s.Maintenance.Ping(t.Context()))
			if err := s.Maintenance.Ping(overContext(t)); !errors.Is(err, fault.ErrStorage) {
				t.Errorf("under a context that is over: got %v, want ErrStorage", err)
			}
		},
		"sweeps nothing that still counts": func(t *testing.T, s Stores) {
			rate := domain.Rate{Limit: 1, Window: time.Minute}
			_, err := s.Rates.Take(t.Context(), "k", rate, epoch)
			must(t, err)
			must(t, s.SingleUse.Put(t.Context(), "k", []byte("v"), epoch.Add(time.Hour)))
			_, err = s.Idempotency.Begin(t.Context(), domain.IdempotencyRecord{
				Key: "k", StartedAt: epoch,
				ExpiresAt: epoch.Add(time.Hour),
			})
			must(t, err)
			must(t, s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				a.Failures = []domain.Attempt{{ID: "1", Source: "net", At: epoch}}
				return nil
			}))
			must(t, s.Maintenance.SweepExpired(t.Context(), epoch.Add(59*time.Second)))

			state, err := s.Rates.Take(t.Context(), "k", rate, epoch.Add(59*time.Second))
			must(t, err)
			_, once := s.SingleUse.Consume(t.Context(), "k", epoch)
			first, err := s.Idempotency.Begin(t.Context(), domain.IdempotencyRecord{
				Key: "k", StartedAt: epoch,
				ExpiresAt: epoch.Add(time.Hour),
			})
			must(t, err)
			attempts, err := s.Attempts.Get(t.Context(), "jane")
			must(t, err)
			if state.Allowed || once != nil || first == nil || len(attempts.Failures) != 1 {
				t.Errorf("swept too much: %+v, %v, %v, %d failures", state, once, first, len(attempts.Failures))
			}
		},
		"sweeps what has run out": func(t *testing.T, s Stores) {
			must(t, s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				a.Failures = []domain.Attempt{{ID: "1", Source: "net", At: epoch}}
				return nil
			}))
			must(t, s.Maintenance.SweepExpired(t.Context(), epoch.Add(25*time.Hour)))
			attempts, err := s.Attempts.Get(t.Context(), "jane")
			must(t, err)
			if len(attempts.Failures) != 0 {
				t.Error("a document that counts no more is still there")
			}
		},
	})
}

// SigningKeyStore tests a ports.SigningKeyStore.
func SigningKeyStore(t *testing.T, open Open) {
	set := func(ids ...string) []domain.SigningKey {
		var keys []domain.SigningKey
		for _, id := range ids {
			keys = append(keys, domain.SigningKey{
				ID: id, Algorithm: "EdDSA", State: domain.KeyActive, Private: []byte("sealed"), CreatedAt: epoch,
				RetiresAt: epoch.Add(time.Hour),
			})
		}
		return keys
	}
	cases(t, open, map[string]func(*testing.T, Stores){
		"replaces the whole set at its version": func(t *testing.T, s Stores) {
			none, err := s.SigningKeys.SigningKeys(t.Context())
			must(t, err)
			if len(none) != 0 {
				t.Fatalf("an empty store has %d keys", len(none))
			}
			must(t, s.SigningKeys.PutSigningKeys(t.Context(), 0, set("a", "b"), outbox(domain.ActionKeyRotate, "keys")))
			must(t, s.SigningKeys.PutSigningKeys(t.Context(), 1, set("b", "c"), outbox(domain.ActionKeyRotate, "keys")))
			want := set("b", "c")
			want[0].Version, want[1].Version = 2, 2
			got, err := s.SigningKeys.SigningKeys(t.Context())
			must(t, err)
			same(t, got, want)
			if err := s.SigningKeys.PutSigningKeys(t.Context(), 1, set("d"),
				outbox(domain.ActionKeyRotate, "keys")); !errors.Is(err, fault.ErrConflict) {
				t.Errorf("an old version: got %v, want ErrConflict", err)
			}
			if n := len(entriesAbout(t, s, "keys")); n != 2 {
				t.Errorf("%d entries, want 2", n)
			}
		},
		"lets one of racing rotations win": func(t *testing.T, s Stores) {
			late := func(err error) bool { return errors.Is(err, fault.ErrConflict) }
			if wins := race(t, 20, late, func(int) error {
				return s.SigningKeys.PutSigningKeys(t.Context(), 0, set("a"), domain.Outbox{})
			}); wins != 1 {
				t.Errorf("%d rotations won", wins)
			}
		},
	})
}
